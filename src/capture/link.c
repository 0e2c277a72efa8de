// SPDX-License-Identifier: Apache-2.0
/* Link layers; see link.h. Ethernet with any VLAN tags, Linux's cooked captures of both versions,
 * loopback, and bare IP. Sources: tcpdump.org/linktypes.html, IEEE 802.1Q. Owns nothing. */
#include "capture/link.h"

#include "base/cleanup.h"
#include "capture/format.h"

#define TAGS_MAX 4
#define LINK_COOKED 113
#define LINK_COOKED2 276
#define LOCAL_FAMILY_INET 2

enum ethertype {
	ETHERTYPE_4 = 0x0800,
	ETHERTYPE_TAG = 0x8100,
	ETHERTYPE_6 = 0x86dd,
	ETHERTYPE_SERVICE_TAG = 0x88a8,
	ETHERTYPE_OLD_TAG = 0x9100,
};

static void advance(struct octets *o, size_t size)
{
	o->data += size;
	o->there -= size;
	o->size -= size;
}

/* type: what the header before said, whose last two bytes may be a tag's. */
static enum link_result tagged(struct octets *o, uint16_t type)
{
	for (int i = 0; i < TAGS_MAX && (type == ETHERTYPE_TAG || type == ETHERTYPE_SERVICE_TAG ||
					 type == ETHERTYPE_OLD_TAG);
	     i++) {
		if (o->there < 4)
			return LINK_SHORT;
		type = read16(o->data + 2, true);
		advance(o, 4);
	}
	return type == ETHERTYPE_4 || type == ETHERTYPE_6 ? LINK_IP : LINK_OTHER;
}

/* 2 for IPv4 on every system; IPv6 has another number on each, in the byte order of the writer. */
static bool is_family(const uint8_t *word)
{
	static const uint8_t families6[] = { 10, 24, 28, 30 };
	uint32_t family = word[0] ? word[0] : word[3];

	if (family == LOCAL_FAMILY_INET)
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(families6); i++)
		if (family == families6[i])
			return true;
	return false;
}

/* The size of the header before the packet, and where in it the ethertype stands. */
static const struct link_form {
	uint32_t link;
	uint8_t head, type_at;
	enum { FORM_TYPED, FORM_FAMILY, FORM_BARE } form;
} forms[] = {
	{ 1, 14, 12, FORM_TYPED }, /* Ethernet */
	{ LINK_COOKED, 16, 14, FORM_TYPED },
	{ LINK_COOKED2, 20, 0, FORM_TYPED },
	{ 0, 4, 0, FORM_FAMILY },   /* NULL */
	{ 108, 4, 0, FORM_FAMILY }, /* LOOP */
	{ 12, 0, 0, FORM_BARE },    /* DLT_RAW, as files of some systems have it */
	{ 14, 0, 0, FORM_BARE },
	{ 101, 0, 0, FORM_BARE }, /* RAW */
	{ 228, 0, 0, FORM_BARE }, /* IPV4 */
	{ 229, 0, 0, FORM_BARE }, /* IPV6 */
};

static const struct link_form *form_of(uint32_t link)
{
	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++)
		if (forms[i].link == link)
			return &forms[i];
	return NULL;
}

/* The last byte of the packet type: 0 to us, 4 from us, else others'. */
enum link_way link_way(const struct packet *p)
{
	size_t at = p->link == LINK_COOKED ? 1 : 10;

	if ((p->link != LINK_COOKED && p->link != LINK_COOKED2) || p->there <= at)
		return LINK_WAY_UNKNOWN;
	return p->data[at] == 4 ? LINK_WAY_OUT : LINK_WAY_IN;
}

enum link_result link_strip(const struct packet *p, struct octets *ret)
{
	const struct link_form *form = form_of(p->link);

	*ret = (struct octets){ p->data, p->there, p->size };
	if (!form)
		return LINK_UNKNOWN;
	if (p->there < form->head)
		return LINK_SHORT;
	advance(ret, form->head);
	if (form->form == FORM_TYPED)
		return tagged(ret, read16(p->data + form->type_at, true));
	return form->form == FORM_BARE || is_family(p->data) ? LINK_IP : LINK_OTHER;
}
