// SPDX-License-Identifier: Apache-2.0
/* Fuzz target: any bytes as each of the texts that the network's judgement rests on. What is
 * accepted must read back equal, mean the same as text and as address, and be judged. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/carry.h"
#include "policy/egress.h"
#include "policy/publish.h"
#include "policy/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void judge(struct egress_question q)
{
	static struct policy p;
	struct egress_answer a;

	if (!p.version) {
		static const char text[] = "network: {default: allow, allow: [{host: '*.a.test', "
					   "protocol: tls}, {host: 10.0.0.0/8, transport: udp}]}";

		must(policy_read("policy", text, sizeof(text) - 1, &p, NULL) == 0);
	}
	for (int phase = 0; phase <= PHASE_COUNT; phase++) {
		q.transport = phase % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		egress_judge(&p, (enum egress_phase)phase, &q, &a);
		must(a.reason != NULL && (a.allowed || a.rule == EGRESS_NO_RULE));
	}
}

static void try_address(const char *text)
{
	struct egress_address a, b;
	char shown[EGRESS_ADDRESS_TEXT];
	unsigned prefix, again;
	int64_t index;

	if (egress_address_parse(text, &a, &prefix) < 0)
		return;
	must(prefix <= 128 && form_check("host", text, NULL) == 0);
	egress_address_text(&a, shown);
	must(egress_address_parse(shown, &b, &again) == 0 && again == 128);
	must(memcmp(&a, &b, sizeof(a)) == 0);
	must(egress_covers(&a, 128, &a));
	egress_special(&a);
	index = egress_name_index(&a);
	if (index >= 0) {
		egress_name_address((uint32_t)index, !egress_is4(&a), &b);
		must(memcmp(&a, &b, sizeof(a)) == 0);
	}
	judge((struct egress_question){ .address = a, .port = 443 });
}

static void try_name(const uint8_t *data, size_t size)
{
	char name[EGRESS_NAME_MAX + 1], again[EGRESS_NAME_MAX + 1];
	struct egress_address a;
	unsigned prefix;

	if (egress_name_clean((const char *)data, size, name) < 0)
		return;
	must(egress_name_clean(name, strlen(name), again) == 0 && strcmp(name, again) == 0);
	must(form_check("host", name, NULL) == 0);
	must(egress_address_parse(name, &a, &prefix) < 0);
	judge((struct egress_question){ .name = name, .port = 443 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct publish publish;
	struct resolver resolver;
	struct carry carry;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	try_address(text);
	try_name(data, size);
	if (publish_parse(text, &publish) == 0)
		must(publish.port && publish.inside);
	if (resolver_parse(text, &resolver) == 0)
		must(resolver.port != 0);
	if (carry_parse(text, &carry) == 0)
		must(carry.port != 0);
	free(text);
	return 0;
}
