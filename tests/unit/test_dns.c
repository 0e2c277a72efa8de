// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/gate/dns.c. Expected bytes are written out by hand after RFC 1035, 6891 and
 * 8914. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "flow/dns.h"

#define HEADER_1 "\x12\x34\x01\x00\0\x01\0\0\0\0\0\0"	  /* id 0x1234, RD, one question */
#define HEADER_OPT "\x12\x34\x01\x00\0\x01\0\0\0\0\0\x01" /* and one additional record */
#define NAME          \
	"\x03www\x07" \
	"ExAmple\x04test\0"
#define A_IN "\0\x01\0\x01"
#define OPT "\0\0\x29\x10\0\0\0\x80\0\0\0" /* 4096, version 0, DO */

struct query {
	uint8_t data[DNS_QUERY_MAX + 1];
	size_t size;
};

static void add(struct query *q, const void *data, size_t size)
{
	assert_true(q->size + size <= sizeof(q->data));
	memcpy(q->data + q->size, data, size);
	q->size += size;
}

#define ADD(q, text) add(q, text, sizeof(text) - 1)

static int read_query(const struct query *q, struct dns_question *ret)
{
	return dns_question_read(q->data, q->size, ret);
}

static void a_question_is_read(void **state)
{
	struct query q = { .size = 0 };
	struct dns_question got;

	(void)state;
	ADD(&q, HEADER_OPT NAME A_IN OPT);
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_int_equal(got.id, 0x1234);
	assert_int_equal(got.type, DNS_A);
	assert_int_equal(got.class, 1);
	assert_string_equal(got.name, "www.ExAmple.test");
	assert_true(got.has_opt && got.dnssec_ok);
}

static void every_shorter_query_is_broken(void **state)
{
	struct query q = { .size = 0 };
	struct dns_question got;
	size_t whole;

	(void)state;
	ADD(&q, HEADER_OPT NAME A_IN OPT);
	whole = q.size;
	for (q.size = 0; q.size < 12; q.size++)
		assert_int_equal(read_query(&q, &got), -EBADMSG);
	for (; q.size < whole; q.size++)
		assert_int_equal(read_query(&q, &got), DNS_FORMERR);
	ADD(&q, "x");
	q.size = whole + 1;
	assert_int_equal(read_query(&q, &got), DNS_FORMERR);
}

static void what_is_no_question_is_told_apart(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int code;
	} cases[] = {
#define CASE(text, code) { text, sizeof(text) - 1, code }
		CASE("\x12\x34\x81\x00\0\x01\0\0\0\0\0\0" NAME A_IN, -EBADMSG),	  /* an answer */
		CASE("\x12\x34\x29\x00\0\x01\0\0\0\0\0\0" NAME A_IN, DNS_NOTIMP), /* an update */
		CASE("\x12\x34\x01\x00\0\0\0\0\0\0\0\0", DNS_FORMERR),
		CASE("\x12\x34\x01\x00\0\x02\0\0\0\0\0\0" NAME A_IN NAME A_IN, DNS_FORMERR),
		CASE("\x12\x34\x01\x00\0\x01\0\x01\0\0\0\0" NAME A_IN, DNS_FORMERR),
		CASE("\x12\x34\x01\x00\0\x01\0\0\0\x01\0\0" NAME A_IN, DNS_FORMERR),
		CASE(HEADER_1 "\xc0\x0c" A_IN, DNS_FORMERR), /* a name that points to itself */
		CASE(HEADER_1 "\x03www\xc0\x0c" A_IN, DNS_FORMERR),
		CASE(HEADER_1 "\x40" NAME A_IN, DNS_FORMERR),	/* no such kind of label */
		CASE(HEADER_1 NAME "\0\x01\0\x03", DNS_NOTIMP), /* class CH */
		CASE(HEADER_1 NAME "\0\x01\0\xff", DNS_NOERROR),
		CASE(HEADER_OPT NAME A_IN "\0\0\x29\x10\0\0\x01\0\0\0\0", DNS_BADVERS),
		CASE(HEADER_OPT NAME A_IN "\x01x\0\0\x29\x10\0\0\0\0\0\0\0", DNS_FORMERR),
		CASE(HEADER_OPT NAME A_IN "\0\0\xfa\0\xff\0\0\0\0\0\0", DNS_FORMERR), /* TSIG */
		CASE("\x12\x34\x01\x00\0\x01\0\0\0\0\0\x02" NAME A_IN OPT OPT, DNS_FORMERR),
		CASE("\x12\x34\x01\x00\0\x01\0\0\0\0\0\x05" NAME A_IN, DNS_FORMERR),
#undef CASE
	};
	struct dns_question got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(dns_question_read(cases[i].bytes, cases[i].size, &got),
				 cases[i].code);
}

/* Labels of 63, 63, 63 and `last` bytes of c. */
static void add_long_name(struct query *q, size_t last, int c)
{
	size_t sizes[] = { 63, 63, 63, last };

	for (size_t i = 0; i < 4; i++) {
		q->data[q->size++] = (uint8_t)sizes[i];
		memset(q->data + q->size, c, sizes[i]);
		q->size += sizes[i];
	}
	ADD(q, "\0" A_IN);
}

static void names_end_at_their_limit(void **state)
{
	struct query q = { .size = 0 };
	struct dns_question got;
	uint8_t out[DNS_ANSWER_MAX];
	struct dns_answer a = { .code = DNS_NXDOMAIN, .prohibited = "x" };

	(void)state;
	ADD(&q, HEADER_OPT);
	add_long_name(&q, 61, 0xff); /* 255 bytes */
	ADD(&q, OPT);
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_int_equal(strlen(got.name), 250 * 4 + 3);
	assert_int_equal(dns_answer_write(&got, &a, out), 12 + 255 + 4 + 11 + 7);
	q.size = 0;
	ADD(&q, HEADER_1);
	add_long_name(&q, 62, 'a');
	assert_int_equal(read_query(&q, &got), DNS_FORMERR);
	q.size = 0;
	ADD(&q, HEADER_1 "\x40");
	memset(q.data + q.size, 'a', 64);
	q.size += 64;
	ADD(&q, "\0" A_IN);
	assert_int_equal(read_query(&q, &got), DNS_FORMERR);
}

static void a_query_ends_at_its_limit(void **state)
{
	struct query q = { .size = 0 };
	struct dns_question got;

	(void)state;
	ADD(&q, HEADER_OPT NAME A_IN "\0\0\x29\x10\0\0\0\0\0");
	q.data[q.size] = (uint8_t)((DNS_QUERY_MAX - q.size - 2) >> 8);
	q.data[q.size + 1] = (uint8_t)(DNS_QUERY_MAX - q.size - 2);
	q.size = DNS_QUERY_MAX;
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	q.data[12 + sizeof(NAME) - 1 + 4 + 10]++;
	q.size++;
	assert_int_equal(read_query(&q, &got), DNS_FORMERR);
}

static void odd_bytes_make_no_other_name(void **state)
{
	struct query q = { .size = 0 };
	struct dns_question got;

	(void)state;
	ADD(&q, HEADER_1 "\x05"
			 "a.b\\c\x03"
			 "d\0e\x01 \0" A_IN);
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_string_equal(got.name, "a\\.b\\\\c.d\\000e.\\032");
}

static void the_root_is_a_name(void **state)
{
	struct query q = { .size = 0 };
	struct dns_question got;

	(void)state;
	ADD(&q, HEADER_1 "\0\0\x02\0\x01");
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_string_equal(got.name, "");
}

static void an_address_is_answered(void **state)
{
	static const char expected[] = "\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0" NAME A_IN
				       "\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04\xc6\x12\x00\x05";
	struct query q = { .size = 0 };
	struct dns_question got;
	struct egress_address to = { { [10] = 0xff, 0xff, 198, 18, 0, 5 } };
	struct dns_answer a = { .address = &to };
	uint8_t out[DNS_ANSWER_MAX];

	(void)state;
	ADD(&q, HEADER_1 NAME A_IN);
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_int_equal(dns_answer_write(&got, &a, out), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
}

static void an_address_of_ipv6_and_a_name_are_answered(void **state)
{
	static const char six[] = "\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0" NAME "\0\x1c\0\x01"
				  "\xc0\x0c\0\x1c\0\x01\0\0\0\x01\0\x10"
				  "\xfd\x77\x65\x69\0\x72\0\0\0\0\0\0\0\0\0\x05";
	static const char name[] = "\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0" NAME "\0\x0c\0\x01"
				   "\xc0\x0c\0\x0c\0\x01\0\0\0\x01\0\x08\x01"
				   "a\x04test\0";
	struct query q = { .size = 0 };
	struct dns_question got;
	struct egress_address to = { { 0xfd, 0x77, 0x65, 0x69, 0, 0x72, [15] = 5 } };
	struct dns_answer a = { .address = &to };
	uint8_t out[DNS_ANSWER_MAX];

	(void)state;
	ADD(&q, HEADER_1 NAME "\0\x1c\0\x01");
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_int_equal(dns_answer_write(&got, &a, out), sizeof(six) - 1);
	assert_memory_equal(out, six, sizeof(six) - 1);
	q.size = 0;
	ADD(&q, HEADER_1 NAME "\0\x0c\0\x01");
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	a = (struct dns_answer){ .name = "a.test" };
	assert_int_equal(dns_answer_write(&got, &a, out), sizeof(name) - 1);
	assert_memory_equal(out, name, sizeof(name) - 1);
}

static void who_asks_with_edns_is_told_why(void **state)
{
	static const char expected[] = "\x12\x34\x81\x83\0\x01\0\0\0\0\0\x01" NAME A_IN
				       "\0\0\x29\x04\xd0\0\0\x80\0\0\x0a\0\x0f\0\x06\0\x12rule";
	static const char version[] =
		"\x12\x34\x81\x80\0\x01\0\0\0\0\0\x01" NAME A_IN "\0\0\x29\x04\xd0\x01\0\0\0\0\0";
	struct query q = { .size = 0 };
	struct dns_question got;
	struct dns_answer a = { .code = DNS_NXDOMAIN, .prohibited = "rule" };
	uint8_t out[DNS_ANSWER_MAX];
	char reason[200];

	(void)state;
	ADD(&q, HEADER_OPT NAME A_IN OPT);
	assert_int_equal(read_query(&q, &got), DNS_NOERROR);
	assert_int_equal(dns_answer_write(&got, &a, out), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	a.prohibited = reason;
	assert_int_equal(dns_answer_write(&got, &a, out), sizeof(expected) - 1 - 4 + 63);
	q.size = 0;
	ADD(&q, HEADER_OPT NAME A_IN "\0\0\x29\x10\0\0\x01\0\0\0\0");
	a = (struct dns_answer){ .code = (enum dns_code)read_query(&q, &got) };
	assert_int_equal(dns_answer_write(&got, &a, out), sizeof(version) - 1);
	assert_memory_equal(out, version, sizeof(version) - 1);
}

static void what_is_broken_is_answered_by_its_number(void **state)
{
	static const char expected[] = "\x12\x34\x81\x81\0\0\0\0\0\0\0\0";
	struct query q = { .size = 0 };
	struct dns_question got;
	struct dns_answer a = { .code = DNS_FORMERR };
	uint8_t out[DNS_ANSWER_MAX];

	(void)state;
	ADD(&q, HEADER_1 "\xc0\x0c" A_IN);
	assert_int_equal(read_query(&q, &got), DNS_FORMERR);
	assert_int_equal(dns_answer_write(&got, &a, out), 12);
	assert_memory_equal(out, expected, 12);
}

static void reverse_names_have_one_spelling(void **state)
{
	static const char *const wrong[] = {
		"0.18.198.in-addr.arpa",
		"5.0.18.198.in-addr.arpa.x",
		"05.0.18.198.in-addr.arpa",
		"+5.0.18.198.in-addr.arpa",
		" 5.0.18.198.in-addr.arpa",
		"256.0.18.198.in-addr.arpa",
		"5.0.0.18.198.in-addr.arpa",
		"",
		"ip6.arpa",
		"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.7.0.0.9.6.5.6.7.7.d.f.ip6.arpa",
		"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.7.0.0.9.6.5.6.7.7.d-f.ip6.arpa",
	};
	struct egress_address a;
	struct egress_address four = { { [10] = 0xff, 0xff, 198, 18, 0, 5 } };
	struct egress_address six = { { 0xfd, 0x77, 0x65, 0x69, 0, 0x72, [15] = 5 } };

	(void)state;
	assert_int_equal(dns_reverse("5.0.18.198.in-addr.arpa", &a), 0);
	assert_memory_equal(&a, &four, sizeof(a));
	assert_int_equal(dns_reverse("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.7.0.0.9.6.5.6."
				     "7.7.d.f.ip6.arpa",
				     &a),
			 0);
	assert_memory_equal(&a, &six, sizeof(a));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(dns_reverse(wrong[i], &a), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read),
		cmocka_unit_test(every_shorter_query_is_broken),
		cmocka_unit_test(what_is_no_question_is_told_apart),
		cmocka_unit_test(names_end_at_their_limit),
		cmocka_unit_test(a_query_ends_at_its_limit),
		cmocka_unit_test(odd_bytes_make_no_other_name),
		cmocka_unit_test(the_root_is_a_name),
		cmocka_unit_test(an_address_is_answered),
		cmocka_unit_test(an_address_of_ipv6_and_a_name_are_answered),
		cmocka_unit_test(who_asks_with_edns_is_told_why),
		cmocka_unit_test(what_is_broken_is_answered_by_its_number),
		cmocka_unit_test(reverse_names_have_one_spelling),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
