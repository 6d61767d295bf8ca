/* The adapter of a module that speaks a dialect of long ago, as the README of
 * the examples describes it. */
#include "modgate_adapter.h"

static char memory[8192]; /* of the call that runs */

uint32_t modgate_capabilities(void) {
	return MG_CAPABILITY_REQUEST | MG_CAPABILITY_RESPONSE | MG_CAPABILITY_ENCODE | MG_CAPABILITY_REPLY |
	       MG_CAPABILITY_DECODE | MG_CAPABILITY_PROBE;
}

static int is_tenant(const char *p, uint32_t n) {
	for (uint32_t i = 0; i < n; i++)
		if ((p[i] < 'a' || p[i] > 'z') && (p[i] < '0' || p[i] > '9') && p[i] != '_')
			return 0;
	return n > 0;
}

uint64_t handle_request(void) {
	struct mg_buf uri = MG_BUF(memory);
	mg_add(&uri, MG_TEXT("/v1/"));
	uint32_t before = uri.len;
	mg_add_header(&uri, MG_KIND_REQUEST_HEADER, MG_TEXT("x-tenant"));
	if (!is_tenant(uri.at + before, uri.len - before)) {
		mg_set_status_code(400);
		mg_write_body(MG_BODY_RESPONSE, MG_TEXT("which tenant?\n"));
		return MG_NEXT_ANSWERED;
	}
	mg_remove_header(MG_KIND_REQUEST_HEADER, MG_TEXT("x-tenant"));
	mg_took(&uri, mg_get_uri(MG_ROOM(&uri)));
	mg_set_uri(uri.at, uri.len);
	return MG_NEXT_FORWARD;
}

void handle_response(uint32_t context, uint32_t is_error) {
	struct mg_buf fault = MG_BUF(memory);
	(void)context, (void)is_error;
	mg_remove_header(MG_KIND_RESPONSE_HEADER, MG_TEXT("server"));
	if (!mg_add_header(&fault, MG_KIND_RESPONSE_HEADER, MG_TEXT("x-fault")))
		return;
	mg_remove_header(MG_KIND_RESPONSE_HEADER, MG_TEXT("x-fault"));
	int64_t status = mg_number(fault.at, fault.len);
	if (status < 400 || status > 599)
		status = 502;
	mg_set_status_code((uint32_t)status);
}

static int attribute(struct mg_buf *b, const char *name, uint32_t n) {
	return mg_took(b, mg_get_attr(name, n, MG_ROOM(b)));
}

uint64_t lifecycle_encode(uint32_t type) {
	struct mg_buf uri = MG_BUF(memory);
	char text[64];
	struct mg_buf outcome = MG_BUF(text);
	mg_remove_header(MG_KIND_REQUEST_HEADER, MG_TEXT("content-type"));
	mg_set_method(MG_TEXT("PUT"));
	mg_write_body(MG_BODY_REQUEST, MG_TEXT(""));
	attribute(&outcome, MG_TEXT("outcome"));
	if (type == MG_EVENT_POLL) {
		mg_set_method(MG_TEXT("GET"));
		mg_add(&uri, MG_TEXT("/control/jobs/"));
		attribute(&uri, MG_TEXT("job"));
	} else if (type == MG_EVENT_RESUME && MG_IS(text, outcome.len, "granted")) {
		mg_add(&uri, MG_TEXT("/control/upgrade?epoch="));
		attribute(&uri, MG_TEXT("epoch"));
	} else if (type == MG_EVENT_RESUME) {
		mg_add(&uri, MG_TEXT("/control/resume"));
	} else {
		mg_add(&uri, MG_TEXT("/control/pause?ms="));
		if (!attribute(&uri, MG_TEXT("ttl_ms")))
			uri.len -= sizeof "?ms=" - 1;
		mg_set_uri(uri.at, uri.len);
		struct mg_buf why = MG_BUF(memory);
		attribute(&why, MG_TEXT("module"));
		mg_add(&why, MG_TEXT(": "));
		attribute(&why, MG_TEXT("reason"));
		mg_write_body(MG_BODY_REQUEST, why.at, why.len);
		return MG_SEND_EDITED;
	}
	mg_set_uri(uri.at, uri.len);
	return MG_SEND_EDITED;
}

uint32_t lifecycle_reply(uint32_t context, uint32_t is_error) {
	struct mg_buf text = MG_BUF(memory);
	uint32_t status = mg_get_status_code();
	(void)context;
	if (is_error)
		return MG_VERDICT_RETRY;
	switch (status) {
	case 202:
		mg_add_header(&text, MG_KIND_RESPONSE_HEADER, MG_TEXT("x-job"));
		mg_set_attr(MG_TEXT("poll_ms"), MG_TEXT("500"));
		mg_set_attr(MG_TEXT("job"), text.at, text.len);
		return MG_VERDICT_IN_PROGRESS;
	case 409:
		text.size = 1024;
		mg_add_body(&text, MG_BODY_RESPONSE);
		mg_set_attr(MG_TEXT("reason"), text.at, text.len);
		return MG_VERDICT_GIVE_UP;
	}
	return status / 100 == 2 ? MG_VERDICT_ACKNOWLEDGED : MG_VERDICT_RETRY;
}

int32_t lifecycle_decode(void) {
	struct mg_buf uri = MG_BUF(memory);
	mg_took(&uri, mg_get_uri(MG_ROOM(&uri)));
	if (MG_IS(uri.at, uri.len, "/control/up")) {
		mg_set_status_code(204);
		return mg_emit(MG_ANNOUNCE_RESUME) == 0 ? 1 : -1;
	}
	if (!MG_BEGINS(uri.at, uri.len, "/control/down?for="))
		return MG_IS(uri.at, uri.len, "/control/down") ? -1 : 0;
	const uint32_t before = sizeof "/control/down?for=" - 1;
	int64_t seconds = mg_number(uri.at + before, uri.len - before);
	if (seconds < 0 || seconds > 65535)
		return -1;
	mg_add(&uri, MG_TEXT("s"));
	mg_set_attr(MG_TEXT("expected"), uri.at + before, uri.len - before);
	mg_set_status_code(202);
	return mg_emit(MG_ANNOUNCE_DISCONNECT) == 0 ? 1 : -1;
}

uint64_t health_request(void) {
	mg_set_uri(MG_TEXT("/control/status"));
	return MG_SEND_EDITED;
}

uint32_t health_response(uint32_t context, uint32_t is_error) {
	struct mg_buf says = MG_BUF(memory);
	(void)context;
	if (is_error)
		return MG_HEALTH_BY_RULE;
	mg_add_body(&says, MG_BODY_RESPONSE);
	if (MG_IS(says.at, says.len, "OK"))
		return MG_HEALTH_UP;
	if (MG_IS(says.at, says.len, "WARN"))
		return MG_HEALTH_DEGRADED;
	if (MG_IS(says.at, says.len, "START"))
		return MG_HEALTH_STARTING;
	return MG_HEALTH_DOWN;
}
