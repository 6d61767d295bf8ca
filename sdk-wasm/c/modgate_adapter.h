/*
 * Adapters for modgate in C: the functions of the host, the numbers of the ABI,
 * and what goes without a C library. It needs nothing but clang and wasm-ld:
 *
 *	clang --target=wasm32 -O2 -nostdlib -mbulk-memory -Wl,--no-entry \
 *		-Wl,--strip-all -o billing.wasm billing.c
 *
 * Define the exports that modgate_capabilities says, with the names and types
 * that are declared below. An instance runs one of them at a time, and between a
 * request and its answer it runs others: what belongs to one request goes into
 * the upper half of what handle_request returns, never into a variable.
 *
 * What the functions mean is in sdk-wasm/abi/abi.md.
 */
#ifndef MODGATE_ADAPTER_H
#define MODGATE_ADAPTER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MG_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define MG_EXPORT(name) __attribute__((export_name(name)))

/* generated from abi.json */

/* Features of http_handler, as a set */
enum {
	MG_FEATURE_BUFFER_REQUEST = 1, /* each request's body is read before handle_request is called */
	MG_FEATURE_BUFFER_RESPONSE = 2, /* so is an answer's before handle_response is, which may read and replace it */
	MG_FEATURE_TRAILERS = 4, /* trailers can be edited */
};

/* Kinds of fields */
enum {
	MG_KIND_REQUEST_HEADER = 0,
	MG_KIND_RESPONSE_HEADER = 1,
	MG_KIND_REQUEST_TRAILER = 2,
	MG_KIND_RESPONSE_TRAILER = 3,
};

/* Kinds of bodies */
enum {
	MG_BODY_REQUEST = 0,
	MG_BODY_RESPONSE = 1,
};

/* Levels of log lines */
enum {
	MG_LEVEL_DEBUG = -1,
	MG_LEVEL_INFO = 0,
	MG_LEVEL_WARN = 1,
	MG_LEVEL_ERROR = 2,
	MG_LEVEL_NONE = 3,
};

/* What handle_request returns in its lower half */
enum {
	MG_NEXT_ANSWERED = 0, /* the answer is made, and the module does not see the request */
	MG_NEXT_FORWARD = 1, /* the request goes on to the module */
};

/* What modgate_capabilities returns, as a set */
enum {
	MG_CAPABILITY_REQUEST = 1, /* handle_request */
	MG_CAPABILITY_RESPONSE = 2, /* handle_response */
	MG_CAPABILITY_ENCODE = 4, /* lifecycle_encode */
	MG_CAPABILITY_DECODE = 8, /* lifecycle_decode */
	MG_CAPABILITY_REPLY = 16, /* lifecycle_reply */
	MG_CAPABILITY_PROBE = 32, /* health_request and health_response */
	MG_CAPABILITY_EXCLUSIVE = 64, /* an instance works for one request at a time, from its beginning to the answer's end */
};

/* Features of modgate_adapter_v1, as a set */
enum {
	MG_EXTENSION_JSON_EVENTS = 1, /* get_event and emit_event */
	MG_EXTENSION_ATTRIBUTES = 2, /* get_attr, set_attr and emit */
	MG_EXTENSION_PROPERTIES = 4, /* get_property */
	MG_EXTENSION_SHARED = 8, /* kv_get and kv_set; the operator grants it by plugin.shared */
};

/* Types of events to a module */
enum {
	MG_EVENT_DELAY = 1, /* what it requires is away, and comes back */
	MG_EVENT_MISSING = 2, /* what it requires is not there */
	MG_EVENT_RESUME = 3, /* what it requires is there again; of the module itself with the outcome granted: its update may begin */
	MG_EVENT_POLL = 32, /* what has become of the grant that it took, when lifecycle_reply has said in_progress */
};

/* Types of events from a module */
enum {
	MG_ANNOUNCE_UPDATE = 16, /* it wants to update */
	MG_ANNOUNCE_DISCONNECT = 17, /* it goes away */
	MG_ANNOUNCE_RESUME = 18, /* it is there again */
};

/* What lifecycle_encode and health_request return in their lower half */
enum {
	MG_SEND_NOTHING = 0, /* of lifecycle_encode: nothing is sent, and the event counts as acknowledged; of health_request: as default */
	MG_SEND_EDITED = 1, /* the request is sent as it was edited */
	MG_SEND_DEFAULT = 2, /* it is sent as it was */
};

/* What lifecycle_reply returns */
enum {
	MG_VERDICT_ACKNOWLEDGED = 0, /* the module took the event; of a grant: it has done its update */
	MG_VERDICT_RETRY = 1, /* tell it again later */
	MG_VERDICT_GIVE_UP = 2, /* it will never take this one; of a grant: its update failed */
	MG_VERDICT_IN_PROGRESS = 3, /* it took the grant and is at it: lifecycle_encode is called with poll */
};

/* What health_response returns */
enum {
	MG_HEALTH_BY_RULE = 0, /* the gateway's default rule decides */
	MG_HEALTH_UP = 1, /* it can serve */
	MG_HEALTH_DEGRADED = 2, /* it can serve, and the administrator should look at it */
	MG_HEALTH_DOWN = 3, /* it cannot serve */
	MG_HEALTH_STARTING = 4, /* it cannot serve yet; this counts as no failure */
};

/* What functions of modgate_adapter_v1 return instead of a length or 0 */
enum {
	MG_ERROR_ABSENT = -1, /* there is no such thing */
	MG_ERROR_INVALID = -2, /* what was given is wrong */
	MG_ERROR_FULL = -3, /* there is no room */
};

/* adds to the features, and returns all that are on: while the guest begins, for all requests; in handle_response without effect; else for this request and its answer */
MG_IMPORT("http_handler", "enable_features")
uint32_t mg_enable_features(uint32_t features);

/* plugin.config of the module's block, as it is */
MG_IMPORT("http_handler", "get_config")
uint32_t mg_get_config(void *buf, uint32_t limit);

/* 1 if a line of the level would be seen */
MG_IMPORT("http_handler", "log_enabled")
uint32_t mg_log_enabled(int32_t level);

/* writes a line into the gateway's log; it never traps */
MG_IMPORT("http_handler", "log")
void mg_log(int32_t level, const char *message, uint32_t message_len);

/* the request's method */
MG_IMPORT("http_handler", "get_method")
uint32_t mg_get_method(void *buf, uint32_t limit);

/* changes it, before the request is sent; it must be a token, and not CONNECT */
MG_IMPORT("http_handler", "set_method")
void mg_set_method(const char *method, uint32_t method_len);

/* path and query as they are sent, percent-encoded; never empty */
MG_IMPORT("http_handler", "get_uri")
uint32_t mg_get_uri(void *buf, uint32_t limit);

/* changes them, before the request is sent; it must begin with a slash, and what cannot be in a target is percent-encoded; an empty one is a slash */
MG_IMPORT("http_handler", "set_uri")
void mg_set_uri(const char *uri, uint32_t uri_len);

/* what the client spoke: HTTP/1.1, HTTP/2.0 */
MG_IMPORT("http_handler", "get_protocol_version")
uint32_t mg_get_protocol_version(void *buf, uint32_t limit);

/* the client's address and port; empty if the gateway itself asks */
MG_IMPORT("http_handler", "get_source_addr")
uint32_t mg_get_source_addr(void *buf, uint32_t limit);

/* the names in lower case, each once, each followed by a zero: how many in the upper half, the length of all in the lower */
MG_IMPORT("http_handler", "get_header_names")
uint64_t mg_get_header_names(uint32_t kind, void *buf, uint32_t limit);

/* the values under the name, one for each field, each followed by a zero: how many in the upper half, the length of all in the lower */
MG_IMPORT("http_handler", "get_header_values")
uint64_t mg_get_header_values(uint32_t kind, const char *name, uint32_t name_len, void *buf, uint32_t limit);

/* makes the value the only one under the name, in the place of the first */
MG_IMPORT("http_handler", "set_header_value")
void mg_set_header_value(uint32_t kind, const char *name, uint32_t name_len, const char *value, uint32_t value_len);

/* adds a field */
MG_IMPORT("http_handler", "add_header_value")
void mg_add_header_value(uint32_t kind, const char *name, uint32_t name_len, const char *value, uint32_t value_len);

/* removes all fields of the name */
MG_IMPORT("http_handler", "remove_header")
void mg_remove_header(uint32_t kind, const char *name, uint32_t name_len);

/* the next bytes of the body: 1 in the upper half if these are the last, how many in the lower; room for none traps */
MG_IMPORT("http_handler", "read_body")
uint64_t mg_read_body(uint32_t kind, void *buf, uint32_t limit);

/* replaces the body the first time in a call, and appends to it then; nothing empties it */
MG_IMPORT("http_handler", "write_body")
void mg_write_body(uint32_t kind, const void *body, uint32_t body_len);

/* the answer's status; 200 while there is none */
MG_IMPORT("http_handler", "get_status_code")
uint32_t mg_get_status_code(void);

/* changes it: 200 to 999 */
MG_IMPORT("http_handler", "set_status_code")
void mg_set_status_code(uint32_t status);

/* which of these features of the extension there are */
MG_IMPORT("modgate_adapter_v1", "features")
uint32_t mg_features(uint32_t want);

/* the event as a CloudEvent in JSON; absent outside lifecycle_encode */
MG_IMPORT("modgate_adapter_v1", "get_event")
int32_t mg_get_event(void *buf, uint32_t limit);

/* an attribute of the event as a text, or absent */
MG_IMPORT("modgate_adapter_v1", "get_attr")
int32_t mg_get_attr(const char *name, uint32_t name_len, void *buf, uint32_t limit);

/* sets an attribute: in lifecycle_decode of the announcement, in lifecycle_reply of what is beside the verdict */
MG_IMPORT("modgate_adapter_v1", "set_attr")
void mg_set_attr(const char *name, uint32_t name_len, const char *value, uint32_t value_len);

/* announces what was set, and begins anew: 0, invalid or full; in lifecycle_decode only */
MG_IMPORT("modgate_adapter_v1", "emit")
int32_t mg_emit(uint32_t type);

/* announces what a CloudEvent in JSON says: 0, invalid or full; in lifecycle_decode only */
MG_IMPORT("modgate_adapter_v1", "emit_event")
int32_t mg_emit_event(const void *event, uint32_t event_len);

/* what the gateway knows under a name, or absent */
MG_IMPORT("modgate_adapter_v1", "get_property")
int32_t mg_get_property(const char *name, uint32_t name_len, void *buf, uint32_t limit);

/* Unix time in nanoseconds */
MG_IMPORT("modgate_adapter_v1", "now")
int64_t mg_now(void);

/* what the adapter's instances keep under a key for each other, or absent */
MG_IMPORT("modgate_adapter_v1", "kv_get")
int32_t mg_kv_get(const char *key, uint32_t key_len, void *buf, uint32_t limit);

/* keeps a value, for good with 0; an empty one is forgotten: 0 or full */
MG_IMPORT("modgate_adapter_v1", "kv_set")
int32_t mg_kv_set(const char *key, uint32_t key_len, const char *value, uint32_t value_len, uint32_t ttl_ms);

/* What the host calls: define what modgate_capabilities says. */

/* sees a request on its way to the module: next in the lower half, in the upper a number for handle_response */
MG_EXPORT("handle_request")
uint64_t handle_request(void);

/* sees the module's answer, or, with is_error 1, that there is none */
MG_EXPORT("handle_response")
void handle_response(uint32_t context, uint32_t is_error);

/* says what of the ABI is meant; asked first */
MG_EXPORT("modgate_capabilities")
uint32_t modgate_capabilities(void);

/* takes the configuration; anything but 0 refuses it */
MG_EXPORT("modgate_configure")
uint32_t modgate_configure(void);

/* turns an event into the request with which the module is told: send in the lower half, in the upper a number for lifecycle_reply */
MG_EXPORT("lifecycle_encode")
uint64_t lifecycle_encode(uint32_t type);

/* says what the module's answer means: a verdict */
MG_EXPORT("lifecycle_reply")
uint32_t lifecycle_reply(uint32_t context, uint32_t is_error);

/* says what a request of the module to the gateway means: above 0 a message, 0 traffic, below 0 a message that cannot be understood */
MG_EXPORT("lifecycle_decode")
int32_t lifecycle_decode(void);

/* edits the request that asks for the module's health: send in the lower half, in the upper a number for health_response */
MG_EXPORT("health_request")
uint64_t health_request(void);

/* says what the answer means: a health */
MG_EXPORT("health_response")
uint32_t health_response(uint32_t context, uint32_t is_error);

/* end of what is generated */

/* A literal as pointer and length. */
#define MG_TEXT(literal) (literal), (uint32_t)(sizeof(literal) - 1)

/* Whether the n bytes at p are the literal. */
#define MG_IS(p, n, literal) ((n) == sizeof(literal) - 1 && mg_equal((p), (literal), sizeof(literal) - 1))

/* Whether the n bytes at p begin with the literal. */
#define MG_BEGINS(p, n, literal) ((n) >= sizeof(literal) - 1 && mg_equal((p), (literal), sizeof(literal) - 1))

/* What a hook returns: a number for its second half, and what is to be done. */
#define MG_RESULT(context, what) ((uint64_t)(context) << 32 | (what))

static inline int mg_equal(const void *a, const void *b, uint32_t n) {
	const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
	for (; n > 0; n--)
		if (*x++ != *y++)
			return 0;
	return 1;
}

/* A text that is put together. Begin with MG_BUF. */
struct mg_buf {
	char *at;
	uint32_t len, size;
};

/* A text in an array of char. */
#define MG_BUF(array) { (array), 0, sizeof(array) }

/* The room that is left, as pointer and length. */
#define MG_ROOM(buf) ((buf)->at + (buf)->len), ((buf)->size - (buf)->len)

/* Appends n bytes. What does not fit ends the call: the module's request is
 * answered 503. */
static inline void mg_add(struct mg_buf *b, const void *p, uint32_t n) {
	if (n > b->size - b->len)
		__builtin_trap();
	__builtin_memcpy(b->at + b->len, p, n);
	b->len += n;
}

static inline void mg_add_number(struct mg_buf *b, uint64_t n) {
	char digits[20];
	uint32_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	mg_add(b, digits + at, sizeof digits - at);
}

/* Appends n bytes that the host has written into the room, as its functions
 * return: below 0 there were none, and more than the room is too much. Returns
 * whether there were. */
static inline int mg_took(struct mg_buf *b, int64_t n) {
	if (n < 0)
		return 0;
	if (n > b->size - b->len)
		__builtin_trap();
	b->len += (uint32_t)n;
	return 1;
}

/* Appends the first value under the name. Returns whether there is one. */
static inline int mg_add_header(struct mg_buf *b, uint32_t kind, const char *name, uint32_t name_len) {
	uint64_t r = mg_get_header_values(kind, name, name_len, MG_ROOM(b));
	uint32_t n = (uint32_t)r, first = 0;
	if (r >> 32 == 0)
		return 0;
	if (n > b->size - b->len)
		__builtin_trap();
	while (b->at[b->len + first] != 0)
		first++;
	b->len += first;
	return 1;
}

/* Reads a body to its end, or until the room is full. Returns whether it was
 * read to its end. */
static inline int mg_add_body(struct mg_buf *b, uint32_t kind) {
	while (b->len < b->size) {
		uint64_t r = mg_read_body(kind, MG_ROOM(b));
		b->len += (uint32_t)r;
		if (r >> 32)
			return 1;
	}
	return 0;
}

/* The number at p, and nothing else: -1 if there is another. */
static inline int64_t mg_number(const char *p, uint32_t n) {
	int64_t value = 0;
	if (n == 0 || n > 18)
		return -1;
	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		value = value * 10 + (*p - '0');
	}
	return value;
}

#ifdef __cplusplus
}
#endif

#endif
