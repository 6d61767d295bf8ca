// The tests' guest: it does what the header X-Do asks for, with every function
// of both ABIs. Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm .
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"
)

func main() {}

var buf = make([]byte, 64<<10)

type ptr = unsafe.Pointer

func at(b []byte) ptr {
	if len(b) == 0 {
		return nil
	}
	return ptr(&b[0])
}

func of(s string) ptr { return ptr(unsafe.StringData(s)) }

func n[T []byte | string](s T) uint32 { return uint32(len(s)) }

//go:wasmimport http_handler enable_features
func enableFeatures(features uint32) uint32

//go:wasmimport http_handler get_config
func getConfig(buf ptr, limit uint32) uint32

//go:wasmimport http_handler log_enabled
func logEnabled(level int32) uint32

//go:wasmimport http_handler log
func log(level int32, text ptr, n uint32)

//go:wasmimport http_handler get_method
func getMethod(buf ptr, limit uint32) uint32

//go:wasmimport http_handler set_method
func setMethod(text ptr, n uint32)

//go:wasmimport http_handler get_uri
func getURI(buf ptr, limit uint32) uint32

//go:wasmimport http_handler set_uri
func setURI(text ptr, n uint32)

//go:wasmimport http_handler get_protocol_version
func getProtocolVersion(buf ptr, limit uint32) uint32

//go:wasmimport http_handler get_source_addr
func getSourceAddr(buf ptr, limit uint32) uint32

//go:wasmimport http_handler get_header_names
func getHeaderNames(kind uint32, buf ptr, limit uint32) uint64

//go:wasmimport http_handler get_header_values
func getHeaderValues(kind uint32, name ptr, n uint32, buf ptr, limit uint32) uint64

//go:wasmimport http_handler set_header_value
func setHeaderValue(kind uint32, name ptr, n uint32, value ptr, m uint32)

//go:wasmimport http_handler add_header_value
func addHeaderValue(kind uint32, name ptr, n uint32, value ptr, m uint32)

//go:wasmimport http_handler remove_header
func removeHeader(kind uint32, name ptr, n uint32)

//go:wasmimport http_handler read_body
func readBody(kind uint32, buf ptr, limit uint32) uint64

//go:wasmimport http_handler write_body
func writeBody(kind uint32, text ptr, n uint32)

//go:wasmimport http_handler get_status_code
func getStatusCode() uint32

//go:wasmimport http_handler set_status_code
func setStatusCode(status uint32)

//go:wasmimport modgate_adapter_v1 features
func features(want uint32) uint32

//go:wasmimport modgate_adapter_v1 get_event
func getEvent(buf ptr, limit uint32) int32

//go:wasmimport modgate_adapter_v1 get_attr
func getAttr(name ptr, n uint32, buf ptr, limit uint32) int32

//go:wasmimport modgate_adapter_v1 set_attr
func setAttr(name ptr, n uint32, value ptr, m uint32)

//go:wasmimport modgate_adapter_v1 emit
func emit(kind uint32) int32

//go:wasmimport modgate_adapter_v1 emit_event
func emitEvent(text ptr, n uint32) int32

//go:wasmimport modgate_adapter_v1 get_property
func getProperty(name ptr, n uint32, buf ptr, limit uint32) int32

//go:wasmimport modgate_adapter_v1 now
func now() int64

//go:wasmimport modgate_adapter_v1 kv_get
func kvGet(key ptr, n uint32, buf ptr, limit uint32) int32

//go:wasmimport modgate_adapter_v1 kv_set
func kvSet(key ptr, n uint32, value ptr, m uint32, ttl uint32) int32

func text(f func(ptr, uint32) uint32) string { return string(buf[:f(at(buf), n(buf))]) }

func values(kind uint32, name string) []string {
	r := getHeaderValues(kind, of(name), n(name), at(buf), n(buf))
	if r>>32 == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(buf[:uint32(r)]), "\x00"), "\x00")
}

func names(kind uint32) []string {
	r := getHeaderNames(kind, at(buf), n(buf))
	if r>>32 == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(buf[:uint32(r)]), "\x00"), "\x00")
}

func set(kind uint32, name, value string) {
	setHeaderValue(kind, of(name), n(name), of(value), n(value))
}
func add(kind uint32, name, value string) {
	addHeaderValue(kind, of(name), n(name), of(value), n(value))
}

func body(kind uint32, piece int) (all []byte, reads int) {
	b := make([]byte, piece)
	for {
		r := readBody(kind, at(b), n(b))
		all = append(all, b[:uint32(r)]...)
		reads++
		if r>>32 == 1 {
			return all, reads
		}
	}
}

func attribute(name string) string {
	k := getAttr(of(name), n(name), at(buf), n(buf))
	if k < 0 {
		return "-"
	}
	return string(buf[:k])
}

func property(name string) string {
	k := getProperty(of(name), n(name), at(buf), n(buf))
	if k < 0 {
		return "-"
	}
	return string(buf[:k])
}

func attr(name, value string) { setAttr(of(name), n(name), of(value), n(value)) }

var configured string

//go:wasmexport modgate_capabilities
func capabilities() uint32 { return 63 }

//go:wasmexport modgate_configure
func configure() uint32 {
	enableFeatures(4)
	if configured = text(getConfig); configured == "wrong" {
		fmt.Fprintln(os.Stderr, "the configuration is wrong")
		return 3
	}
	return 0
}

var requests = map[uint32]string{} // what was asked, by what the host hands back
var last uint32

//go:wasmexport handle_request
func handleRequest() uint64 {
	do := ""
	if v := values(0, "X-Do"); v != nil {
		do = v[0]
	}
	last++
	requests[last] = do
	switch do {
	case "see":
		set(0, "seen", fmt.Sprint(text(getMethod), " ", text(getURI), " ", text(getProtocolVersion), " ", text(getSourceAddr), " ",
			names(0), values(0, "MANY"), values(0, "none"), names(2), values(2, "t"), " ", configured))
	case "edit":
		method, uri := "PUT", "/new path?q=\r\nx#y"
		setMethod(of(method), n(method))
		setURI(of(uri), n(uri))
		set(0, "many", "one")
		add(0, "Many", "two\r\nInjected: yes")
		removeHeader(0, of("x-do"), 4)
		set(2, "t", "trailing")
	case "body":
		all, reads := body(0, 7)
		set(0, "read", fmt.Sprint(string(all), " ", reads))
	case "write":
		writeBody(0, of("one "), 4)
		writeBody(0, of("two"), 3)
	case "answer":
		setStatusCode(418)
		set(1, "X-Tea", "pot")
		writeBody(1, of("short"), 5)
		return 0
	case "buffer":
		set(0, "features", fmt.Sprint(enableFeatures(2)))
	case "log":
		set(0, "logs", fmt.Sprint(logEnabled(-1), logEnabled(0), logEnabled(3)))
		log(0, of("said"), 4)
		log(2, nil, 1<<31)
		fmt.Println("printed")
		fmt.Fprint(os.Stderr, "half a line, ")
		fmt.Fprintln(os.Stderr, "and the rest")
	case "sandbox":
		_, err := os.ReadFile("/etc/passwd")
		_, write := os.Create("/tmp/x")
		var b [8]byte
		rand.Read(b[:])
		set(0, "sandbox", fmt.Sprint(err != nil, write != nil, os.Environ(), len(os.Args)))
		set(0, "random", fmt.Sprintf("%x", b))
		set(0, "clock", fmt.Sprint(time.Now().UnixNano()-now()))
	case "goroutines":
		c := make(chan int)
		for i := range 10 {
			go func() { c <- i }()
		}
		sum := 0
		for range 10 {
			sum += <-c
		}
		set(0, "sum", fmt.Sprint(sum))
	case "properties":
		set(0, "properties", fmt.Sprint(property("module.name"), property("gateway.version"), property("plugin.name"), property("plugin.generation"), property("nothing")))
		key, value := "key", "value"
		miss := kvGet(of(key), 3, at(buf), n(buf))
		stored := kvSet(of(key), 3, of(value), 5, 60_000)
		k := kvGet(of(key), 3, at(buf), n(buf))
		set(0, "kv", fmt.Sprint(features(255), miss, stored, string(buf[:max(k, 0)]), kvSet(of(key), 3, at(buf), n(buf), 0)))
	case "panic":
		panic("as asked")
	case "deep":
		set(0, "deep", fmt.Sprint(deep(1<<30)))
	case "spin":
		for {
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "memory":
		var all [][]byte
		for {
			all = append(all, make([]byte, 1<<20))
		}
	}
	return uint64(last)<<32 | 1
}

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n-1) + 1
}

//go:wasmexport handle_response
func handleResponse(ctx, isError uint32) {
	do := requests[ctx]
	delete(requests, ctx)
	set(1, "X-Asked", do)
	set(1, "X-Error", fmt.Sprint(isError))
	set(1, "X-Status", fmt.Sprint(getStatusCode()))
	switch do {
	case "buffer":
		all, _ := body(1, 1000)
		writeBody(1, of(strings.ToUpper(string(all))), n(all))
		setStatusCode(202)
		set(3, "x-sum", fmt.Sprint(values(3, "x-end")))
	case "late":
		setMethod(of("PUT"), 3)
	case "unbuffered":
		body(1, 10)
	}
}

//go:wasmexport lifecycle_encode
func lifecycleEncode(kind uint32) uint64 {
	k := getEvent(at(buf), n(buf))
	event := string(buf[:max(k, 0)])
	switch attribute("module") {
	case "silent":
		return 0
	case "default":
		set(0, "lost", "yes")
		return 2
	case "broken":
		panic("as asked")
	}
	uri := fmt.Sprintf("/legacy/%d?ttl=%s&job=%s&outcome=%s&epoch=%s&none=%s", kind, attribute("ttl_ms"), attribute("job"), attribute("outcome"), attribute("epoch"), attribute("none"))
	setURI(of(uri), n(uri))
	writeBody(0, of(event), n(event))
	return 77<<32 | 1
}

//go:wasmexport lifecycle_reply
func lifecycleReply(ctx, isError uint32) uint32 {
	switch {
	case isError != 0:
		return 1
	case getStatusCode() == 201:
		attr("poll_ms", "250")
		attr("job", values(1, "X-Job")[0])
		return 3
	case getStatusCode() >= 400:
		b, _ := body(1, 1000)
		attr("reason", string(b))
		return 2
	}
	if ctx != 77 {
		return 9
	}
	return 0
}

//go:wasmexport lifecycle_decode
func lifecycleDecode() int32 {
	switch text(getURI) {
	case "/legacy/update":
		attr("seq", "7")
		attr("expected", "90s")
		attr("reason", "because")
		bad := emit(1)
		first := emit(16)
		if bad != -1-1 || first != 0 {
			return -1
		}
		event := `{"specversion":"1.0","type":"dev.modgate.resume.v1","data":{"seq":8}}`
		if emitEvent(of("{"), 1) != -2 || emitEvent(of(event), n(event)) != 0 {
			return -1
		}
		setStatusCode(202)
		writeBody(1, of("noted"), 5)
		return 2
	case "/legacy/bad":
		return -1
	}
	return 0
}

//go:wasmexport health_request
func healthRequest() uint64 {
	uri := "/admin/health"
	setURI(of(uri), n(uri))
	return 5<<32 | 1
}

//go:wasmexport health_response
func healthResponse(ctx, isError uint32) uint32 {
	if isError != 0 || ctx != 5 {
		return 3
	}
	return getStatusCode() - 200
}
