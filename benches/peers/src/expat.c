/* Drives libexpat with namespaces over chunks and counts what it reports. */
#include <expat.h>
#include <stdint.h>
#include <string.h>

struct counts {
    uint64_t stanzas, elements, attributes, attribute_bytes, text_bytes;
    uint64_t depth;
};

static void start(void *data, const XML_Char *name, const XML_Char **attributes) {
    struct counts *c = data;
    (void)name;
    if (c->depth > 0) {
        c->stanzas += c->depth == 1;
        c->elements++;
        for (; *attributes; attributes += 2) {
            c->attributes++;
            c->attribute_bytes += strlen(attributes[1]);
        }
    }
    c->depth++;
}

static void end(void *data, const XML_Char *name) {
    (void)name;
    ((struct counts *)data)->depth--;
}

static void text(void *data, const XML_Char *s, int length) {
    (void)s;
    ((struct counts *)data)->text_bytes += (uint64_t)length;
}

int expat_count(const uint8_t *bytes, size_t length, size_t chunk, struct counts *out) {
    XML_Parser parser = XML_ParserCreateNS("UTF-8", ' ');
    memset(out, 0, sizeof *out);
    XML_SetUserData(parser, out);
    XML_SetElementHandler(parser, start, end);
    XML_SetCharacterDataHandler(parser, text);
    int ok = 1;
    for (size_t at = 0; ok && at < length; at += chunk) {
        size_t n = length - at < chunk ? length - at : chunk;
        ok = XML_Parse(parser, (const char *)bytes + at, (int)n, 0) == XML_STATUS_OK;
    }
    XML_ParserFree(parser);
    return ok;
}
