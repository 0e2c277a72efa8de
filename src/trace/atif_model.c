// SPDX-License-Identifier: Apache-2.0
/* The tables of atif_model.h. Data only. */
#include "trace/atif_model.h"

#define REQUIRED true
#define OPTIONAL false

static const struct atif_model agent = {
	"the agent",
	(const struct atif_field[]){
		{ "name", ATIF_STRING, REQUIRED, 0, NULL },
		{ "version", ATIF_STRING, REQUIRED, 0, NULL },
		{ "model_name", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "tool_definitions", ATIF_OBJECTS, OPTIONAL, 5, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 0, NULL },
		{ 0 },
	},
};

static const struct atif_model source = {
	"a media source",
	(const struct atif_field[]){
		{ "media_type", ATIF_STRING, REQUIRED, 0, NULL },
		{ "path", ATIF_STRING, REQUIRED, 0, NULL },
		{ "duration_sec", ATIF_NUMBER, OPTIONAL, 8, NULL },
		{ 0 },
	},
};

static const struct atif_model part = {
	"a content part",
	(const struct atif_field[]){
		{ "type", ATIF_STRING, REQUIRED, 0, NULL },
		{ "text", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "source", ATIF_MODEL, OPTIONAL, 0, &source },
		{ 0 },
	},
};

static const struct atif_model tool_call = {
	"a tool call",
	(const struct atif_field[]){
		{ "tool_call_id", ATIF_STRING, REQUIRED, 0, NULL },
		{ "function_name", ATIF_STRING, REQUIRED, 0, NULL },
		{ "arguments", ATIF_OBJECT, REQUIRED, 0, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 7, NULL },
		{ 0 },
	},
};

static const struct atif_model subagent_ref = {
	"a reference to a sub-agent's trajectory",
	(const struct atif_field[]){
		{ "trajectory_id", ATIF_STRING, OPTIONAL, 7, NULL },
		{ "trajectory_path", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "session_id", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 0, NULL },
		{ 0 },
	},
};

static const struct atif_model result = {
	"an observation's result",
	(const struct atif_field[]){
		{ "source_call_id", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "content", ATIF_STRING | ATIF_MODELS, OPTIONAL, 0, &part },
		{ "subagent_trajectory_ref", ATIF_MODELS, OPTIONAL, 0, &subagent_ref },
		{ "extra", ATIF_OBJECT, OPTIONAL, 7, NULL },
		{ 0 },
	},
};

static const struct atif_model observation = {
	"an observation",
	(const struct atif_field[]){
		{ "results", ATIF_MODELS, REQUIRED, 0, &result },
		{ 0 },
	},
};

static const struct atif_model metrics = {
	"a step's metrics",
	(const struct atif_field[]){
		{ "prompt_tokens", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "completion_tokens", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "cached_tokens", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "cost_usd", ATIF_NUMBER, OPTIONAL, 0, NULL },
		{ "prompt_token_ids", ATIF_INTEGERS, OPTIONAL, 4, NULL },
		{ "completion_token_ids", ATIF_INTEGERS, OPTIONAL, 3, NULL },
		{ "logprobs", ATIF_NUMBERS, OPTIONAL, 0, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 0, NULL },
		{ 0 },
	},
};

static const struct atif_model final_metrics = {
	"the final metrics",
	(const struct atif_field[]){
		{ "total_prompt_tokens", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "total_completion_tokens", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "total_cached_tokens", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "total_cost_usd", ATIF_NUMBER, OPTIONAL, 0, NULL },
		{ "total_steps", ATIF_INTEGER, OPTIONAL, 0, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 0, NULL },
		{ 0 },
	},
};

static const struct atif_model step = {
	"a step",
	(const struct atif_field[]){
		{ "step_id", ATIF_INTEGER, REQUIRED, 0, NULL },
		{ "timestamp", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "source", ATIF_STRING, REQUIRED, 0, NULL },
		{ "message", ATIF_STRING | ATIF_MODELS, REQUIRED, 0, &part },
		{ "model_name", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "reasoning_effort", ATIF_STRING | ATIF_NUMBER, OPTIONAL, 0, NULL },
		{ "reasoning_content", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "tool_calls", ATIF_MODELS, OPTIONAL, 0, &tool_call },
		{ "observation", ATIF_MODEL, OPTIONAL, 0, &observation },
		{ "metrics", ATIF_MODEL, OPTIONAL, 0, &metrics },
		{ "is_copied_context", ATIF_BOOLEAN, OPTIONAL, 5, NULL },
		{ "llm_call_count", ATIF_INTEGER, OPTIONAL, 7, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 0, NULL },
		{ 0 },
	},
};

const struct atif_model atif_trajectory = {
	"a trajectory",
	(const struct atif_field[]){
		{ "schema_version", ATIF_STRING, REQUIRED, 0, NULL },
		{ "session_id", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "trajectory_id", ATIF_STRING, OPTIONAL, 7, NULL },
		{ "agent", ATIF_MODEL, REQUIRED, 0, &agent },
		{ "steps", ATIF_MODELS, REQUIRED, 0, &step },
		{ "notes", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "final_metrics", ATIF_MODEL, OPTIONAL, 0, &final_metrics },
		{ "continued_trajectory_ref", ATIF_STRING, OPTIONAL, 0, NULL },
		{ "extra", ATIF_OBJECT, OPTIONAL, 0, NULL },
		{ "subagent_trajectories", ATIF_MODELS, OPTIONAL, 7, &atif_trajectory },
		{ 0 },
	},
};
