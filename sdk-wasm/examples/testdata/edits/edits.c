/* The adapter of edits_test.go: many edits, among them long ones. */
#include "modgate_adapter.h"

uint32_t modgate_capabilities(void) { return MG_CAPABILITY_REQUEST | MG_CAPABILITY_RESPONSE; }

static char memory[4096];

/* Every edit's value stands in the same memory. */
static void set_head(const char *name, uint32_t n) {
	struct mg_buf head = MG_BUF(memory);
	mg_took(&head, mg_get_method(MG_ROOM(&head)));
	mg_add(&head, MG_TEXT(" "));
	mg_took(&head, mg_get_uri(MG_ROOM(&head)));
	mg_set_header_value(MG_KIND_REQUEST_HEADER, name, n, head.at, head.len);
}

uint64_t handle_request(void) {
	set_head(MG_TEXT("X-Seen"));
	mg_remove_header(MG_KIND_REQUEST_HEADER, MG_TEXT("X-Gone"));
	mg_set_uri(MG_TEXT("/changed"));
	set_head(MG_TEXT("X-Now"));
	for (uint32_t i = 0; i < 40; i++) {
		struct mg_buf number = MG_BUF(memory);
		mg_add_number(&number, i);
		mg_add_header_value(MG_KIND_REQUEST_HEADER, MG_TEXT("X-Many"), number.at, number.len);
	}
	struct mg_buf text = MG_BUF(memory);
	for (uint32_t i = 0; i < 750; i++)
		mg_add(&text, MG_TEXT("long"));
	mg_set_header_value(MG_KIND_REQUEST_HEADER, MG_TEXT("X-Long"), text.at, text.len);
	return MG_NEXT_FORWARD;
}

void handle_response(uint32_t context, uint32_t is_error) {
	struct mg_buf says = MG_BUF(memory);
	(void)context, (void)is_error;
	mg_add_header(&says, MG_KIND_RESPONSE_HEADER, MG_TEXT("X-Says"));
	mg_set_header_value(MG_KIND_RESPONSE_HEADER, MG_TEXT("X-Seen"), says.at, says.len);
}
