/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a miner's messages from everything else that is JSON, by their structure: a method that
 * only miners have with the parameters that it has there, or, whatever the method is called, a job
 * or a share by what it is made of. MCP, the language servers' protocol, a node's eth_call and the
 * like are JSON-RPC too, and are none.
 *
 * Sources: the public descriptions of stratum v1, of the Monero and Ethereum families, of
 * EthereumStratum 1 and 2, BIP 22 (getblocktemplate), JSON-RPC 1.0 and 2.0. */
#ifndef WEIR_FLOW_RPC_H
#define WEIR_FLOW_RPC_H

#include "flow/json_scan.h"

#define RPC_LIST_MAX 12 /* elements of a list that are looked at */

enum rpc_verdict {
	RPC_NOTHING,   /* JSON without a meaning for us */
	RPC_OTHER,     /* JSON-RPC, and no miner's */
	RPC_ASKED,     /* a miner subscribes, logs in, asks for work */
	RPC_PUSHED,    /* a job or a difficulty */
	RPC_SUBMITTED, /* a share, a block, a hash rate */
};

/* One message, or a list of them, as it is read. */
struct rpc {
	struct json_scan scan;
	bool batch;		     /* the outermost value is a list of messages */
	uint8_t keys[3];	     /* the newest of the message, of what is in it, and in that */
	uint8_t params, result;	     /* their enum json_kind + 1; 0: none */
	uint8_t best;		     /* enum rpc_verdict of the messages so far */
	uint32_t has, holds;	     /* members: of the message, of its parameters or result */
	char list[RPC_LIST_MAX + 1]; /* of params or result: a letter for each element */
	uint8_t listed;
	struct json_word method, agent;
};

void rpc_start(struct rpc *m);
/* As json_scan(). With JSON_DONE rpc_verdict() is final. */
enum json_result rpc_read(struct rpc *m, const uint8_t *data, size_t size, size_t *ret_used);
enum rpc_verdict rpc_verdict(const struct rpc *m);

#endif
