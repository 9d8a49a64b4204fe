// The administrative page in a real browser, against the example that federates in this process's child.
//
// usage: node page.mjs DEMO PLAYWRIGHT CHROMIUM [FOLDER]
//
// DEMO is the built example, PLAYWRIGHT the folder of playwright-core, FOLDER takes screenshots. The last line is
// "N passed, M failed".

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { once } from "node:events";

const [demoPath, playwright, executablePath, screenshots] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);

// Chromium asks for the icon of every site, and is not told one.
const EXPECTED_ERRORS = [/favicon\.ico/];

let passed = 0;
let failed = 0;

async function test(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}: ${error.message}`);
  }
}

function same(found, expected, what) {
  if (found !== expected) throw new Error(`${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
}

function contains(text, expected, what) {
  if (!text.includes(expected)) throw new Error(`${what}: no ${JSON.stringify(expected)} in ${JSON.stringify(text)}`);
}

const demo = spawn(demoPath, { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: demo.stdout })[Symbol.asyncIterator]();
const address = (await lines.next()).value;
const token = (await lines.next()).value?.replace("token ", "");
if (!address || !token) throw new Error("the example ended before it was ready");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() !== "error" || EXPECTED_ERRORS.some((known) => known.test(message.location().url))) return;
    page.complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    page.complaints.push(`dialog ${dialog.message()}`);
    dialog.dismiss();
  });
  return page;
}

const url = (path) => new URL(path, address).href;
/** The text of the row whose header names this. */
async function row(page, name) {
  const header = page.getByRole("rowheader").filter({ hasText: name });
  return (await page.getByRole("row").filter({ has: header }).first().innerText()).replace(/\s+/g, " ");
}

await test("every peer has its row, with what protects it and who it proved to be", async () => {
  const page = await open();
  await page.goto(address);
  const good = await row(page, "good.example");
  contains(good, "TLS 1.3", "good");
  contains(good, "TLS_AES_256_GCM_SHA384", "good");
  contains(good, "certificate", "good");
  contains(good, "it knows us by SASL EXTERNAL", "good");
  contains(good, "seen for the first time", "good");
  const selfSigned = await row(page, "selfsigned.example");
  contains(selfSigned, "NOT authenticated", "self-signed");
  contains(selfSigned, "TLS 1.3", "self-signed");
  const changed = await row(page, "changed.example");
  contains(changed, "WARNING", "changed");
  contains(changed, "a new key, certified by another authority", "changed");
  const client = await row(page, "a client");
  contains(client, "SASL SCRAM-SHA-256-PLUS", "client");
  same(await page.getByRole("rowheader").filter({ hasText: "down.example" }).count(), 0, "rows of a peer that is down");
});

await test("the warning about a changed certificate is the first thing that is said", async () => {
  const page = await open();
  await page.goto(address);
  const alert = page.getByRole("region", { name: "Certificates that changed" });
  same(await alert.isVisible(), true, "the warning is visible");
  contains(await alert.innerText(), "changed.example", "warning");
  const box = await alert.boundingBox();
  const table = await page.getByRole("table").first().boundingBox();
  same(box.y < table.y, true, "the warning is above the table");
});

await test("failed attempts say how far they got and why", async () => {
  const page = await open();
  await page.goto(url("/history"));
  contains(await row(page, "down.example"), "unreachable", "down");
  contains(await row(page, "without-tls.example"), "STARTTLS", "without TLS");
  contains(await row(page, "hostile.example"), "policy-violation", "hostile");
  await page.getByLabel("Domain").fill("down.example");
  await page.getByRole("button", { name: "Show" }).click();
  same(await page.getByRole("rowheader").count(), 1, "rows of one domain");
});

await test("what peers write stays text, in certificates and in errors", async () => {
  const page = await open();
  await page.goto(address);
  await page.getByRole("link", { name: "selfsigned.example" }).first().click();
  contains(await page.locator("main").innerText(), "<script>document.title='taken'</script>", "subject");
  same(await page.title(), "Connection - xmpp-tls", "title");
  same(await page.locator("script, img, iframe, style").count(), 0, "foreign elements");
  await page.goto(url("/history"));
  contains(await page.locator("main").innerText(), "<script>document.title='taken'</script>", "error");
  same(await page.title(), "Failures - xmpp-tls", "title");
  same(await page.locator("script, img, iframe, style").count(), 0, "foreign elements");
  same(page.complaints.join(), "", "console");
});

await test("a page that was tampered with could not run a script either", async () => {
  const page = await open();
  await page.route(address, async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace("</main>", "<script>document.title='taken'</script></main>");
    await route.fulfill({ response, body });
  });
  await page.goto(address);
  same(await page.title(), "Connections - xmpp-tls", "title");
  contains(page.complaints.join(), "Content Security Policy", "console");
});

const sessions = await (await fetch(url("/api/sessions"))).json();
const many = sessions.sessions.find((session) => session.remote_domain === "many-names.example");
const ledger = await (await fetch(url("/api/ledger?all=1"))).json();
const pages = { connections: "/", session: `/sessions/${many.number}`, failures: "/history", ledger: "/ledger?all=1",
  domain: `/ledger/${ledger.keys[0]}`, rehearsal: "/rehearsal" };

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 768, 360]) {
    await test(`${colorScheme}, ${width} px wide: nothing is cut off, and everything can be read`, async () => {
      const page = await open({ colorScheme, viewport: { width, height: 800 } });
      for (const [name, path] of Object.entries(pages)) {
        await page.goto(url(path));
        if (screenshots) {
          await page.screenshot({ path: `${screenshots}/${name}-${colorScheme}-${width}.png`, fullPage: true });
        }
        const inner = await page.evaluate(() => document.documentElement.scrollWidth);
        same(inner <= width, true, `${name} fits (${inner} px)`);
        same((await page.evaluate(lowContrast)).join("; "), "", `${name}, text that is hard to read`);
        same((await page.evaluate(unnamed)).join("; "), "", `${name}, fields and cells without a name`);
      }
      same(page.complaints.join(), "", "console");
    });
  }
}

await test("everything can be reached by the keyboard, and where one is can be seen", async () => {
  const page = await open();
  await page.goto(address);
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  same(await skip.evaluate((link) => document.activeElement === link), true, "the first stop skips the navigation");
  for (const path of [pages.connections, pages.failures, pages.domain]) {
    await page.goto(url(path));
    const stops = await page.locator("a[href], button, input:not([type=hidden])").count();
    for (let stop = 1; stop <= stops; stop += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(whereFocusIs, stop);
      same(at.outline, "solid 3px", `outline of ${at.what}`);
      same(at.first, true, `${path}: ${at.what} has the focus for the first time`);
    }
  }
});

await test("an acknowledgement takes the token, and then the warning is gone", async () => {
  const page = await open();
  await page.goto(url("/ledger"));
  await page.getByRole("link", { name: "changed.example" }).click();
  const waiting = page.getByRole("heading", { name: "Waits to be acknowledged" });
  same(await waiting.count(), 1, "certificates that wait");
  const form = async (name, typed) => {
    await page.getByLabel("Your name").fill(name);
    await page.getByLabel("Token").fill(typed);
    await page.getByRole("button", { name: "Acknowledge this key" }).click();
  };
  await form("mallory", "0123456789abcdef0123456789abcdef");
  contains(await page.getByRole("alert").innerText(), "that is not the token", "answer to a wrong token");
  same(await waiting.count(), 1, "certificates that wait after a wrong token");
  await form("<b>juliet</b>", token);
  same(await waiting.count(), 0, "certificates that wait after the right token");
  contains(await page.locator("main").innerText(), "acknowledged by <b>juliet</b>", "who acknowledged");
  same(page.url().includes(token), false, "the token is in the address");
  same((await page.context().cookies()).length, 0, "cookies");
  await page.goto(url("/ledger"));
  contains(await page.locator("main").innerText(), "Nothing waits.", "list");
  await page.goto(url("/"));
  same(await page.getByRole("heading", { name: "Certificates that changed" }).count(), 0, "alerts afterwards");
  contains(await row(page, "changed.example"), "acknowledged since", "change");
});

await test("the rehearsal names whom a stricter policy would refuse", async () => {
  const page = await open();
  await page.goto(url("/rehearsal"));
  contains(await row(page, "selfsigned.example"), "1 of 1 authentication", "self-signed");
  same(await page.getByRole("rowheader").filter({ hasText: /^good\.example/ }).count(), 0, "rows of a good peer");
});

await browser.close();
demo.stdin.end();
await once(demo, "exit");
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3). Runs in the page. */
function lowContrast() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const linear = [red, green, blue].map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    const [text, behind] = [luminance(channels(getComputedStyle(element).color)), luminance(background(element))];
    const contrast = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
    if (contrast < 4.5) found.add(`${element.className || element.tagName} ${contrast.toFixed(2)}`);
  }
  return [...found];
}

/** What has the focus and how that shows. It is marked, so that a stop that comes twice is found. Runs in the page. */
function whereFocusIs(stop) {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const first = !at.hasAttribute("data-stop") && at !== document.body;
  at.setAttribute("data-stop", stop);
  return { what: `${at.tagName} ${at.textContent}`, outline: `${style.outlineStyle} ${style.outlineWidth}`, first };
}

/** Fields without a label, tables and header cells without what they need, headings that skip a level, pages without a
 * language or a title. Runs in the page. */
function unnamed() {
  const found = [];
  for (const field of document.querySelectorAll("input:not([type=hidden])")) {
    if (field.labels.length === 0) found.push(`field ${field.name}`);
  }
  for (const header of document.querySelectorAll("th:not([scope])")) found.push(`header ${header.textContent}`);
  for (const table of document.querySelectorAll("table")) if (!table.caption) found.push("table");
  if (!document.documentElement.lang || !document.title) found.push("page");
  const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) found.push("no heading of the page");
  if (levels.some((level, at) => level > (levels[at - 1] ?? 0) + 1)) found.push(`headings ${levels}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) found.push("an id given twice");
  return found;
}
