/* SPDX-License-Identifier: Apache-2.0 */
/* A table of nftables, written by netlink: as much of nf_tables as weir has a use for. What is said
 * between nft_begin() and nft_commit() holds all at once or not at all. Names are those that
 * linux/netfilter/nf_tables.h gives; the order of expressions is that of `nft --debug=netlink`. */
#ifndef WEIR_BASE_NFT_H
#define WEIR_BASE_NFT_H

#include <netinet/in.h> /* before the kernel's own, which then leaves it alone */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define NFT_BATCH_MAX (128u * 1024) /* below what a socket lets out at once without privileges */

struct nft {
	int fd; /* NETLINK_NETFILTER in the network namespace meant; borrowed */
	const char *table;
	uint8_t family; /* NFPROTO_INET, … */
	struct buf batch;
	uint32_t number; /* of the last message */
	uint32_t sets;	 /* made so far: each wants a number of its own in its batch */
};

void nft_begin(struct nft *n);
/* 0 or -errno of the first thing refused. Frees the batch. */
int nft_commit(struct nft *n);
/* Commits what there is where it has grown large, and goes on with the next batch: for what nobody
 * looks at yet. */
int nft_room(struct nft *n);

/* owned: it goes with the socket, and nobody else can change it (Linux 5.12). */
void nft_table_add(struct nft *n, bool owned);

struct nft_hook {
	const char *type; /* "filter", "nat" */
	uint32_t hook;	  /* NF_INET_LOCAL_OUT, … */
	int32_t priority;
	uint32_t policy; /* NF_ACCEPT or NF_DROP */
};
void nft_chain_add(struct nft *n, const char *name, const struct nft_hook *hook); /* NULL: none */
void nft_chain_empty(struct nft *n, const char *name);

/* Types are nft's own and tell only `nft list` how to print. */
#define NFT_FIELDS_MAX 4
struct nft_set {
	const char *name;
	uint32_t flags; /* NFT_SET_MAP, NFT_SET_INTERVAL, NFT_SET_CONCAT */
	uint32_t key_type, key_size;
	uint32_t value_type, value_size;	      /* of a map */
	uint32_t fields[NFT_FIELDS_MAX], field_count; /* of a concatenation: bytes of each */
};
void nft_set_add(struct nft *n, const struct nft_set *s);
void nft_set_delete(struct nft *n, const char *name);
struct nft_element {
	const void *key, *key_end; /* key_end: of a concatenation with ranges, else NULL */
	size_t key_size;
	const void *value; /* of a map, else NULL */
	size_t value_size;
	bool ends; /* the first key behind an interval */
};
void nft_element_add(struct nft *n, const char *set, const struct nft_element *e);
void nft_element_delete(struct nft *n, const char *set, const void *key, size_t key_size);

/* A rule is what stands between nft_rule() and nft_rule_end(): each expression goes on only where
 * it is true. Registers: NFT_REG32_00 …, four bytes each. */
struct nft_rule {
	size_t message, list;
};
struct nft_rule nft_rule(struct nft *n, const char *chain);
void nft_rule_end(struct nft *n, struct nft_rule rule);
void nft_meta(struct nft *n, enum nft_meta_keys key, uint32_t to);
void nft_payload(struct nft *n, enum nft_payload_bases base, uint32_t offset, uint32_t size,
		 uint32_t to);
void nft_mask(struct nft *n, uint32_t reg, const void *mask, size_t size);
void nft_compare(struct nft *n, uint32_t reg, enum nft_cmp_ops op, const void *data, size_t size);
void nft_lookup(struct nft *n, const char *set, uint32_t from);
void nft_lookup_value(struct nft *n, const char *map, uint32_t from, uint32_t to);
void nft_load(struct nft *n, uint32_t to, const void *data, size_t size);
void nft_verdict(struct nft *n, int32_t verdict, const char *chain); /* chain: of NFT_JUMP */
void nft_reset(struct nft *n);					     /* TCP: refused at once */
void nft_tproxy(struct nft *n, uint8_t family, uint32_t address, uint32_t port);
void nft_answers(struct nft *n); /* true for packets of, or about, what has begun before */
void nft_destination(struct nft *n, uint8_t family, uint32_t address); /* is changed to this */
void nft_masquerade(struct nft *n);

#endif
