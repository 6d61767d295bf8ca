/* NAME is the adapter of a module of that name, which serves under /legacy. */

#include <stdint.h>

#define HOST(name) __attribute__((import_module("http_handler"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

/* What the gateway offers: http-wasm's handler ABI. A text is a pointer and a
   length; get_... return how long the text is, and write it if it fits. */
HOST(get_uri) uint32_t get_uri(char *buf, uint32_t limit);
HOST(set_uri) void set_uri(const char *uri, uint32_t len);
HOST(set_header_value)
void set_header_value(uint32_t kind, const char *name, uint32_t name_len, const char *value, uint32_t value_len);

enum { REQUEST_HEADER = 0, RESPONSE_HEADER = 1 };
enum { HOOK_REQUEST = 1, HOOK_RESPONSE = 2 };

EXPORT(modgate_capabilities) uint32_t modgate_capabilities(void) { return HOOK_REQUEST | HOOK_RESPONSE; }

/* A request on its way to the module. 1: it goes on. The upper half of the
   result comes back as context with the answer. */
EXPORT(handle_request) uint64_t handle_request(void) {
  static const char prefix[] = "/legacy";
  static char uri[8192];
  const uint32_t before = sizeof prefix - 1;
  __builtin_memcpy(uri, prefix, before);
  uint32_t n = get_uri(uri + before, sizeof uri - before);
  if (n > sizeof uri - before) __builtin_trap(); /* it did not fit: 503 */
  set_uri(uri, before + n);
  return 1;
}

/* The module's answer. */
EXPORT(handle_response) void handle_response(uint32_t context, uint32_t failed) {
  static const char name[] = "X-Adapted-By", value[] = "NAME";
  (void)context;
  if (!failed) set_header_value(RESPONSE_HEADER, name, sizeof name - 1, value, sizeof value - 1);
}
