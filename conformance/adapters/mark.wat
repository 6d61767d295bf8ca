(module
  ;; An adapter for the suite. It marks requests and answers, spoils what begins
  ;; with /books/trap, and passes on grants as the gateway would say them.
  (import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32)))
  (import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 1 4)
  (data (i32.const 0) "x-markedby-adapter")
  (func (export "modgate_capabilities") (result i32) (i32.const 7)) ;; request, response, encode
  (func (export "handle_request") (result i64)
    (drop (call $get_uri (i32.const 100) (i32.const 1000)))
    (if (i32.eq (i32.load (i32.const 107)) (i32.const 0x70617274)) (then (unreachable))) ;; "trap"
    (call $set (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 10))
    (i64.const 1))
  (func (export "handle_response") (param i32 i32)
    (call $set (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 10)))
  (func (export "lifecycle_encode") (param i32) (result i64) (i64.const 2))
)
