//! A realistic mixed stream, the same one for every run: 43 % chat messages, then group chat,
//! presence, group presence, rosters of 200 items, avatars of 4 KiB in base64, message archives.

use std::fmt::Write;

pub const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' from='example.org' id='f00ba9' version='1.0' xml:lang='en'>";

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const USERS: &[&str] = &[
    "juliet", "romeo", "nurse", "mercutio", "benvolio", "tybalt", "пётр", "käthe", "名前",
];
const HOSTS: &[&str] = &["example.org", "im.example.com", "capulet.lit", "montague.example"];
const PHRASES: &[&str] = &[
    "Art thou not Romeo, and a Montague? ",
    "If a &lt; b &amp;&amp; b &lt; c then a &lt; c. ",
    "https://example.org/watch?v=abc&amp;t=10s ",
    "I&apos;ll be there at 8 :) ",
    "Что в имени? То, что зовём мы розой, ",
    "こんにちは、世界。今日はいい天気ですね。",
    "שלום עולם ",
    "مرحبا بالعالم ",
    "👍🏽 🎉🎉 ",
    "O Romeo, Romeo, wherefore art thou Romeo?\n",
    "let x = vec![1, 2, 3]; assert!(x.len() > 2); ",
    "ok ",
];
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn hex(random: &mut Random) -> String {
    format!("{:016x}", random.next())
}

fn address(random: &mut Random) -> String {
    let resource = random.next() as u32;
    format!("{}@{}/{resource:08x}", random.pick(USERS), random.pick(HOSTS))
}

fn bare(random: &mut Random) -> String {
    format!("{}@{}", random.pick(USERS), random.pick(HOSTS))
}

fn body(random: &mut Random, most: usize) -> String {
    (0..1 + random.below(most)).map(|_| random.pick(PHRASES)).collect()
}

fn base64(random: &mut Random, length: usize) -> String {
    (0..length).map(|_| char::from(BASE64[random.below(64)])).collect()
}

fn stanza(random: &mut Random, out: &mut String) {
    let (from, to) = (address(random), address(random));
    let id = hex(random);
    let result = match random.below(1000) {
        0..430 => {
            let (text, stanza_id) = (body(random, 7), hex(random));
            write!(
                out,
                "<message from='{from}' to='{to}' type='chat' id='{id}' xml:lang='en'><body>{text}</body>\
                <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
                <markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>\
                <stanza-id xmlns='urn:xmpp:sid:0' id='{stanza_id}' by='example.org'/>\
                <delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-01-02T03:04:05Z'/></message>"
            )
        }
        430..640 => {
            let (text, room) = (body(random, 7), bare(random));
            write!(
                out,
                "<message from=\"{room}/{}\" to=\"{to}\" type=\"groupchat\" id=\"{id}\"><body>{text}</body>\
                <stanza-id xmlns=\"urn:xmpp:sid:0\" by=\"{room}\" id=\"{id}\"/>\
                <occupant-id xmlns=\"urn:xmpp:occupant-id:0\" id=\"{id}{id}\"/></message>",
                random.pick(USERS)
            )
        }
        640..860 => {
            let hash = base64(random, 27);
            write!(
                out,
                "<presence from='{from}' to='{to}'><show>away</show><priority>5</priority>\
                <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.net/client' ver='{hash}='/>\
                <x xmlns='vcard-temp:x:update'><photo>{id}</photo></x></presence>"
            )
        }
        860..970 => {
            let (room, jid) = (bare(random), address(random));
            write!(
                out,
                "<presence from='{room}/{}' to='{to}' id='{id}'>\
                <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' jid='{jid}'/>\
                <status code='110'/></x><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' \
                node='https://example.net/client' ver='{hash}='/></presence>",
                random.pick(USERS),
                hash = base64(random, 27)
            )
        }
        970..995 => {
            let image = base64(random, 4096);
            write!(
                out,
                "<message from='{from}' to='{to}' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>\
                <items node='urn:xmpp:avatar:data'><item id='{id}'><data xmlns='urn:xmpp:avatar:data'>{image}</data></item></items>\
                </event></message>"
            )
        }
        _ => {
            let mut items = String::new();
            for _ in 0..200 {
                let _ = write!(
                    items,
                    "<item jid='{}' name='{}' subscription='both'><group>{}</group></item>",
                    bare(random),
                    random.pick(&["Juliet &amp; Nurse", "Ромео", "Mercutio", "名前"]),
                    random.pick(&["Friends", "Семья", "Work"])
                );
            }
            write!(
                out,
                "<iq from='{from}' to='{to}' type='result' id='{id}'><query xmlns='jabber:iq:roster' ver='{id}'>{items}</query></iq>"
            )
        }
    };
    let _ = result;
}

/// A stream of at least `size` bytes, and how many stanzas are on it.
pub fn stream(size: usize) -> (String, usize) {
    let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
    let mut out = String::with_capacity(size + 65_536);
    out.push_str(HEADER);
    let mut stanzas = 0;
    while out.len() < size {
        stanza(&mut random, &mut out);
        stanzas += 1;
    }
    (out, stanzas)
}
