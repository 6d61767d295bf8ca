/* NAME is the adapter of a module of that name, which serves under /legacy. */

#include "modgate_adapter.h"

uint32_t modgate_capabilities(void) { return MG_CAPABILITY_REQUEST | MG_CAPABILITY_RESPONSE; }

/* A request on its way to the module. The number in MG_RESULT(number,
   MG_NEXT_FORWARD) would come back as context with the answer. */
uint64_t handle_request(void) {
  static char text[8192];
  struct mg_buf uri = MG_BUF(text);
  mg_add(&uri, MG_TEXT("/legacy"));
  mg_took(&uri, mg_get_uri(MG_ROOM(&uri))); /* if it does not fit: 503 */
  mg_set_uri(uri.at, uri.len);
  return MG_NEXT_FORWARD;
}

/* The module's answer. */
void handle_response(uint32_t context, uint32_t is_error) {
  (void)context;
  if (!is_error) mg_set_header_value(MG_KIND_RESPONSE_HEADER, MG_TEXT("X-Adapted-By"), MG_TEXT("NAME"));
}
