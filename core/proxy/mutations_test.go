package proxy

// mutations break what an item of STRICT.md says, each by one edit of the code
// that the item names: TestMutantsDie sees that one of its tests notices.
var mutations = []mutation{
	// A request's head.
	{"a version other than 1.0 and 1.1", "head.go", `		return nil, errVersion`, `		return target, nil`},
	{"a request line with other than one space on each side of its target", "head.go", `	target, version, ok := bytes.Cut(rest, space)`, `	target, version, ok := bytes.Cut(bytes.TrimLeft(rest, " "), space)`},
	{"an empty target is the root's", "head.go", `		target = root`, `		return nil, errRequestLine`},
	{"folded lines", "line.go", `b[n-1] != '\r' || b[0] == ' ' || b[0] == '\t' {`, `b[n-1] != '\r' {`},
	{"a bare CR or LF", "line.go", `	if rest := b[l.end:]; len(rest) < len(crlf) || rest[0] != '\r' || rest[1] != '\n' {`, `	if rest := b[l.end:]; len(rest) > 0 && rest[0] == '\n' {
		l.end--
	} else if len(rest) < len(crlf) || rest[0] != '\r' || rest[1] != '\n' {`},
	{"NUL and other control characters", "octets.go", `	for i < len(s) && (s[i] >= ' ' || s[i] == '\t') && s[i] != 0x7f {`, `	for i < len(s) && s[i] != '\r' && s[i] != '\n' {`},
	{"NUL and other control characters", "octets.go", `		if i += bits.TrailingZeros64(stop) / 8; s[i] != '\t' {`, `		if i += bits.TrailingZeros64(stop) / 8; s[i] == '\r' || s[i] == '\n' {`},
	{"white space before the colon, or in a name", "octets.go", "	tokenOctets = octets(alphanumeric + \"!#$%&'*+-.^_`|~\")", "	tokenOctets = octets(alphanumeric + \"!#$%&'*+-.^_`|~ \")"},
	{"two lengths, a list, a sign, a zero in front", "field.go", `		if h.length || !ok {`, `		if !ok {`},
	{"two lengths, a list, a sign, a zero in front", "octets.go", `len(s) > 18 || s[0] == '0' && len(s) > 1 {`, `len(s) > 18 {`},
	{"two lengths, a list, a sign, a zero in front", "octets.go", `func decimal(s []byte) (n int64, ok bool) {`, `func decimal(s []byte) (n int64, ok bool) {
	s = bytes.TrimLeft(s, "+")`},
	{"two lengths, a list, a sign, a zero in front", "octets.go", `func decimal(s []byte) (n int64, ok bool) {`, `func decimal(s []byte) (n int64, ok bool) {
	s, _, _ = bytes.Cut(s, []byte(","))`},
	{"Content-Length and Transfer-Encoding together", "coding.go", `	case !h.chunked, h.length, h.http10:`, `	case !h.chunked, h.http10:`},
	{"a coding that is not known is 501; a list that could be read differently", "coding.go", `		return errCoding`, `		return nil`},
	{"a coding that is not known is 501; a list that could be read differently", "coding.go", `		case h.chunked || !isToken(name)`, `		case !isToken(name)`},
	{"a coding that is not known is 501; a list that could be read differently", "coding.go", `		if !tokenOctets.all(trim(name)) || !tokenOctets.all(trim(value)) {`, `		if _ = value; !tokenOctets.all(trim(name)) {`},
	{"gzip, deflate, compress beneath the chunks are told as content codings, parameters dropped, the request isolated", "coding.go", `			h.codings = append(h.codings, name)`, ``},
	{"gzip, deflate, compress beneath the chunks are told as content codings, parameters dropped, the request isolated", "coding.go", `		h.isolated = h.isolated || parametrized || !h.chunked`, `		_ = parametrized`},
	{"Transfer-Encoding in HTTP/1.0", "coding.go", `	case !h.chunked, h.length, h.http10:`, `	case !h.chunked, h.length:`},
	{"a name that folds to one of the two", "octets.go", `	if folds(name, "contentlength") || folds(name, "transferencoding") {`, `	if folds(name, "contentlength") {`},
	{"a name that folds to one of the two", "octets.go", `	if folds(name, "contentlength") || folds(name, "transferencoding") {`, `	if folds(name, "transferencoding") {`},
	{"a name that folds to one of the two", "field.go", `		return relayed, checkFold(name)
	}
	low`, `		return relayed, nil
	}
	low`},
	{"one empty line before a request, not two", "intake.go", `	if bytes.HasPrefix(src, crlf) {`, `	if false {`},
	{"one empty line before a request, not two", "intake.go", `		start = len(crlf) // RFC`, `		start = len(src) - len(bytes.TrimLeft(src, "\r\n")) // RFC`},
	{"no Host, two, a bad one, a user, a port that is none, IPv6", "head.go", `	if h.hosts > 1 || `, `	if `},
	{"no Host, two, a bad one, a user, a port that is none, IPv6", "head.go", `h.hosts == 0 && !h.http10 || `, ``},
	{"no Host, two, a bad one, a user, a port that is none, IPv6", "target.go", `	return err == nil && n > 0`, `	return true || err == nil && n > 0`},
	{"no Host, two, a bad one, a user, a port that is none, IPv6", "target.go", `err != nil || !addr.Is6() || addr.Zone() != "" {`, `err != nil || !addr.IsValid() {`},
	{"no Host, two, a bad one, a user, a port that is none, IPv6", "octets.go", `"-._~!$&'()*+;=")`, `"-._~!$&'()*+;=@")`},
	{"an absolute target replaces Host", "target.go", `	h.host, h.target = rest[:n], rest[n:]`, `	h.target = rest[n:]`},
	{"the asterisk is the gateway's own", "exchange.go", `	case len(x.head.target) == 1 && x.head.target[0] == '*', `, `	case `},
	{"raw octets above ASCII in a target, and a fragment; a # in its query is forwarded as %23", "target.go", `c <= ' ' || c >= 0x7f || c == '#'`, `c <= ' ' || c == '#'`},
	{"raw octets above ASCII in a target, and a fragment; a # in its query is forwarded as %23", "target.go", `c == '#' && !query {`, `false {`},
	{"raw octets above ASCII in a target, and a fragment; a # in its query is forwarded as %23", "target.go", `	if hash {`, `	if hash && false {`},
	{"a method that nobody has heard of, and no route names, is 501; one that the path does not take 405, with Allow", "exchange.go", `	case !isRegistered(x.head.method) && x.takesAny(t):`, `	case !isRegistered(x.head.method):`},
	{"a method that nobody has heard of, and no route names, is 501; one that the path does not take 405, with Allow", "exchange.go", `	case !isRegistered(x.head.method) && x.takesAny(t):`, `	case false:`},
	{"a method that nobody has heard of, and no route names, is 501; one that the path does not take 405, with Allow", "method.go", `		x.notAllowed(methods)
		return`, ``},
	{"CONNECT", "head.go", `	if string(method) == "CONNECT" {`, `	if false {`},
	{"TRACE with a body", "head.go", `	if h.size != 0 && string(h.method) == "TRACE" {`, `	if false {`},
	{"Max-Forwards", "compose.go", `int64(h.hops-2)`, `int64(h.hops-1)`},
	{"Max-Forwards", "exchange.go", `	case x.head.hops == 1:`, `	case false:`},
	{"an expectation other than 100-continue is 417", "field.go", `		if !equalFold(value, "100-continue") {`, `		if false {`},
	{"what is accepted is one request to a strict parser, and the same", "framing.go", `	case h.chunked:
		b = append(b, "Transfer`, `	case h.chunked && !h.closes:
		b = append(b, "Transfer`},

	// A request on its way.
	{"fields for one hop, those that Connection names, in each of its lines", "field.go", `	case "keep-alive", "proxy-connection",`, `	case "proxy-connection",`},
	{"fields for one hop, those that Connection names, in each of its lines", "head.go", `		h.dropNominated()`, ``},
	{"fields for one hop, those that Connection names, in each of its lines", "field.go", `			h.nominated = append(h.nominated, option)`, `			h.nominated = append(h.nominated[:0], option)`},
	{"`TE: trailers` stays", "compose.go", `	case h.trailers:`, `	case false:`},
	{"the request line is written anew, percent-encoding untouched", "target.go", `	h.path, _, _ = bytes.Cut(h.target, []byte("?"))`, `	h.target = bytes.ReplaceAll(h.target, []byte("%2f"), []byte("/"))
	h.path, _, _ = bytes.Cut(h.target, []byte("?"))`},
	{"the request line is written anew, percent-encoding untouched", "compose.go", `	b = append(b, target...)`, `	b = append(b, h.path...)
	_ = target`},
	{"names as they were sent", "compose.go", `	return append(b, h.raw[start:end]...)`, `	return lower(b, h.raw[start:end])`},
	{"names as they were sent", "respond.go", `	return append(b, h.raw[start:end]...)`, `	return lower(b, h.raw[start:end])`},
	{"who forwards, not to be made up by clients; quoted; IPv6", "field.go", `	if bytes.HasPrefix(low, []byte("x-forwarded-")) || `, `	if `},
	{"who forwards, not to be made up by clients; quoted; IPv6", "field.go", `	case "forwarded", "x-real-ip",`, `	case "x-real-ip",`},
	{"who forwards, not to be made up by clients; quoted; IPv6", "trace.go", `		b = append(b, ` + "`\"[`" + `...)`, ``},
	{"what a trusted proxy says is continued; the client is the last that one has seen", "forwarded.go", `		if s.client = next; !x.terms.trusts(next) {`, `		if s.client = next; false {`},
	{"what a trusted proxy says is continued; the client is the last that one has seen", "forwarded.go", `	if !x.terms.trusts(peer) {
		return said{}
	}`, ``},
	{"what a trusted proxy says is continued; the client is the last that one has seen", "forwarded.go", `			if len(listed) > 0 && node != next {`, `			if false {`},
	{"what a trusted proxy says is continued; the client is the last that one has seen", "forwarded.go", `		s.elements = nil //`, `		//`},
	{"Via, and loops", "trace.go", `		version = "1.0"`, ``},
	{"Via, and loops", "head.go", `	if h.passed >= mostPasses {`, `	if false {`},
	{"chunks, read strictly and framed anew", "frame.go", `	if c.stage == inChunkEnd && src[0] != '\r' {`, `	if false {`},
	{"chunks, read strictly and framed anew", "frame.go", `	line, ok := bytes.CutSuffix(src[:n], crlf[:1])
	if !ok {`, `	line, ok := bytes.CutSuffix(src[:n], crlf[:1])
	if !ok && false {`},
	{"chunk extensions: well-formed, bounded, dropped", "frame.go", `	return size, ok && areExtensions(extensions)`, `	_ = areExtensions(extensions)
	return size, ok`},
	{"chunk extensions: well-formed, bounded, dropped", "frame.go", `len(src) > longestChunkLine:`, `len(src) > 1<<20:`},
	{"trailers, announced or not, without those that frame, route or authenticate", "frame.go", `	x.trailers = append(append(x.trailers, line...), crlf...)`, ``},
	{"trailers, announced or not, without those that frame, route or authenticate", "frame.go", `	case "authorization", "cookie",`, `	case "cookie",`},
	{"trailers, announced or not, without those that frame, route or authenticate", "call.go", `		if x.head.chunked && req.Trailer == nil {`, `		if false {`},
	{"100 only after it was decided, and parked before", "server.go", `	if !x.admit() || !x.find() {`, `	if !x.admit() {`},
	{"a body of GET, HEAD, OPTIONS isolates it", "head.go", `		h.isolated = h.isolated || h.size != 0`, ``},
	{"a body of GET, HEAD, OPTIONS isolates it", "framing.go", `	case h.closes, h.isolated:`, `	case h.closes:`},
	{"a request behind a POST, a body that does not wait, isolates it", "intake.go", `	return n > h.size && h.size >= 0 && !idempotent(h.method)`, `	return false`},
	{"a request behind a POST, a body that does not wait, isolates it", "intake.go", `	if h.expects && h.size != 0 {
		return n > 0`, `	if h.expects && h.size != 0 {
		return false`},
	{"pipelining, in order, nothing held back", "server.go", `		ReduceMemoryUsage: true,`, ``},
	{"pipelining, in order, nothing held back", "intake.go", `		c.stage, c.left = inBody, h.size`, `		c.stage, c.left = inBody, h.size+1`},
	{"keep-alive and close, of 1.0 and 1.1", "framing.go", `	case h.http10 && h.keepAlive:`, `	case false:`},
	{"keep-alive and close, of 1.0 and 1.1", "field.go", `			h.closes = true`, ``},
	{"a body that breaks off is none", "intake.go", `			err = io.ErrUnexpectedEOF // of a body`, `			// of a body`},
	{"a broken body is 400 while no answer has begun, and says what is broken", "forward.go", `	case x.upload.failure != nil:
		x.clientFailed()`, `	case false:`},
	{"a broken body is 400 while no answer has begun, and says what is broken", "forward.go", `		return err
	default:
		return errBody`, `		return errBody
	default:
		return errBody`},
	{"upgrades to what both ends want", "tunnel.go", `			return x.head.upgrades()`, `			return true`},
	{"upgrades to what both ends want", "tunnel.go", `		if bytes.EqualFold(asked, protocol) {`, `		if _ = protocol; len(asked) > 0 {`},
	{"bytes of a WebSocket, both ways, with what came early", "intake.go", `	if c.stage == inTunnel && c.ahead != nil && n < len(p) {`, `	if false {`},
	{"bytes of a WebSocket, both ways, with what came early", "conn.go", `	if b := c.there(); len(b) > 0 {
		n := copy`, `	if b := c.there(); false {
		n := copy`},
	{"close codes", "tunnel.go", `		_, _ = to.Write(closeFrame(masked))`, ``},

	// An answer.
	{"its head is as strictly read: status line, folds, octets, names", "reply.go", `	return h.status >= 100 && (len(reason) == 0 || reason[0] == ' ') && isText(reason)`, `	_ = reason
	return true`},
	{"its head is as strictly read: status line, folds, octets, names", "reply.go", `			return errReplyOctet`, `			line.end = bytes.IndexByte(b[h.at:], '\n') - 1`},
	{"two lengths, a length and chunks, other codings, chunks in 1.0", "reply.go", `		if h.said || !ok {`, `		if !ok {`},
	{"two lengths, a length and chunks, other codings, chunks in 1.0", "reply.go", `	if h.said && h.chunked {`, `	if false {`},
	{"two lengths, a length and chunks, other codings, chunks in 1.0", "reply.go", `		if h.chunked || h.http10 || !equalFold(trim(value), "chunked") {`, `		if h.chunked || !equalFold(trim(value), "chunked") {`},
	{"what cannot become a head is refused at once", "reply.go", `		case n < 0 && bytes.HasPrefix([]byte("HTTP/1."), b[:min(len(b), len("HTTP/1."))]):`, `		case n < 0:`},
	{"a body where the status has none", "reply.go", `	return (h.status < 200 || h.status == 204) && (h.chunked || h.size > 0)`, `	return false`},
	{"fields for one hop, those that Connection names, in 1xx too", "reply.go", `				f.kind = dropped`, ``},
	{"fields for one hop, those that Connection names, in 1xx too", "reply.go", `		return equalFold(name, "keep-alive")`, `		return false`},
	{"103 is relayed, 100 and any to HTTP/1.0 not", "forward.go", `	if x.head.http10 || x.reply`, `	if x.reply`},
	{"103 is relayed, 100 and any to HTTP/1.0 not", "forward.go", `	if x.head.http10 || x.reply.status == fasthttp.StatusContinue {`, `	if x.head.http10 {`},
	{"103 is relayed, 100 and any to HTTP/1.0 not", "forward.go", `	_, err := x.client.Write(b) // the`, `	_, err := 0, error(nil) // the`},
	{"a flood of 1xx ends", "conn.go", `				c.heads += len(h.raw)`, ``},
	{"101 only for an upgrade that was asked for", "forward.go", `		case h.status == fasthttp.StatusSwitchingProtocols && !x.asked101():`, `		case false:`},
	{"HEAD, 204, 304", "reply.go", `status < 200 || status == 204 || status == 304 }`, `status < 200 || status == 204 }`},
	{"HEAD, 204, 304", "relay.go", `	empty := length == 0 || bodyless(h.status) || string(x.method()) == "HEAD"`, `	empty := length == 0 || bodyless(h.status)`},
	{"chunks, both ways, to 1.0 until the end", "respond.go", `	if r.framing == chunked && r.x.head.http10 {`, `	if false {`},
	{"chunks, both ways, to 1.0 until the end", "respond.go", `		r.pending = append(r.pending, "0\r\n"...)`, ``},
	{"a broken body never looks whole", "relay.go", `		return r.breakOff(err)`, `		return r.last()`},
	{"trailers", "chunk.go", `			h.trailers = append(append(h.trailers, line...), crlf...)`, `			_ = h`},
	{"trailers", "chunk.go", `		if mayTrail(line[:colon]) {`, `		if true {`},
	{"content codings in several lines", "respond.go", `		if f.kind != relayed || marked && ofMarks(h.name(f)) {`, `		if f.kind != relayed || equalFold(h.name(f), "content-encoding") && i > 0 && equalFold(h.name(&h.fields[i-1]), "content-encoding") || marked && ofMarks(h.name(f)) {`},
	{"the first event at once", "relay.go", `	if err := r.flush(); err != nil {
		return err
	}
	r.c.deadline`, `	r.c.deadline`},
	{"an answer while the body is sent", "upload.go", `	go u.run(u.x.unsent())`, `	u.run(u.x.unsent())`},
	{"413 arrives", "upload.go", `total > u.x.terms.Body {`, `total > 2*u.x.terms.Body {`},
	{"414 and 431 arrive", "intake.go", `		end, x.refusal = len(src), errTargetTooLong`, `		end, x.refusal = len(src), errHeadTooLarge`},

	// Connections to upstreams.
	{"only clean ones are used again", "turn_unix.go", `		t.err = errStale
		return true`, `		return !t.ask(fd)`},
	{"only clean ones are used again", "health_unix.go", `		*h.ok = err == syscall.EAGAIN`, `		*h.ok = err != syscall.EBADF`},
	{"only clean ones are used again", "pool.go", `	if len(c.there()) > 0 {`, `	if false {`},
	{"sent again only where nothing can happen twice", "forward.go", `	return idempotent(x.method()) || x.upload.sent == 0 || x.head.keyed`, `	return true`},
	{"sent again only where nothing can happen twice", "forward.go", `	if x.upload.streams {
		return false
	}
	return idem`, `	return idem`},
	{"an early answer, a body that nobody reads", "upload.go", `			if err := u.write(buf, room, n); err != nil {
				return errGone`, `			if err := u.write(buf, room, n); err != nil {
				return err`},
	{"a panic ends one request", "exchange.go", `			x.broken(fault)`, `			panic(fault)`},
	{"a client that leaves while it is parked", "client.go", `	return departure.Gone(), departure.Stop`, `	return nil, departure.Stop`},
	{"a client that leaves while it is parked", "client.go", `		return s.r.Context().Done(), func() {}`, `		return nil, func() {}`},

	// Bounds.
	{"slow heads, bodies, chunks, trailers, and silence", "intake.go", `			c.deadline.due = x.now.Add(c.terms.ReadHead)
			return`, `			c.deadline.due = time.Now().Add(c.terms.ReadHead)
			return`},
	{"slow heads, bodies, chunks, trailers, and silence", "intake.go", `		c.deadline.due = by(c.due, c.terms.Idle)`, `		c.deadline.due = time.Now().Add(24 * time.Hour)`},
	{"slow heads, bodies, chunks, trailers, and silence", "intake.go", `		c.deadline.due = c.since.Add(c.patience())`, ``},
	{"endless heads, extensions, trailers", "intake.go", `	case len(src) >= c.terms.Head:`, `	case false:`},
	{"endless heads, extensions, trailers", "frame.go", `	if len(x.trailers)+len(line) > c.terms.Head {`, `	if false {`},
	{"500 fields, 32 that Connection names, either way: each is compared with each", "head.go", `		if len(h.fields) == mostFields {`, `		if false {`},
	{"500 fields, 32 that Connection names, either way: each is compared with each", "head.go", `	if len(h.nominated) > mostOptions {`, `	if false {`},
	{"500 fields, 32 that Connection names, either way: each is compared with each", "reply.go", `		case len(h.fields) == mostFields:`, `		case false:`},
	{"500 fields, 32 that Connection names, either way: each is compared with each", "reply.go", `h.options > mostOptions {`, `false {`},
	{"clients that do not read", "client.go", `	return c.SetWriteDeadline(now.Add(c.terms.Idle))`, `	return nil`},
	{"too many connections", "client.go", `		if l.clients.open.Load() < int64(t.Connections) {`, `		if true {`},
	{"too many connections", "pool.go", `	case u.slots < t.Upstream || u.closed:`, `	case true:`},
	{"upstreams that stall, drip, hang up, speak garbage, lie about a length", "relay.go", `	r.c.deadline.due = r.x.by(r.idle)
	return`, `	r.c.deadline.waive(r.c.Conn)
	return`},
	{"upstreams that stall, drip, hang up, speak garbage, lie about a length", "relay.go", `			return nil, unexpected(err)`, `			return nil, err`},
	{"upstreams that never accept, never read", "upstream.go", `earlier(until, time.Now().Add(t.Connect)))`, `until)`},
	{"upstreams that never accept, never read", "upload.go", `	if err := u.c.SetWriteDeadline(by(u.due, u.client.patienceOfBody())); err != nil {`, `	if err := u.c.SetWriteDeadline(time.Time{}); err != nil {`},
	{"requests wait for room on the connections to an HTTP/2 upstream", "link.go", `			if !await(turn, until) {`, `			if true {`},
	{"requests wait for room on the connections to an HTTP/2 upstream", "queue.go", `		q.timer.Reset(lookAgain)
	}
	return turn`, `	}
	return turn`},
	{"a 503 costs a stream, and not its connection", "stream.go", `	status, body := r.StatusCode(), r.Body()`, `	status, body := r.StatusCode(), r.Body()
	if status == 503 {
		return io.EOF
	}`},
	{"a request's whole time", "deadline.go", `		x.due = x.now.Add(l)`, ``},
	{"streams opened and reset, floods of PING, SETTINGS and CONTINUATION, an HPACK bomb", "h2.go", `			MaxConcurrentStreams: t.Streams, MaxReadFrameSize`, `			MaxConcurrentStreams: 1 << 20, MaxReadFrameSize`},
	{"streams opened and reset, floods of PING, SETTINGS and CONTINUATION, an HPACK bomb", "h2.go", `		MaxHeaderBytes: t.Head, IdleTimeout`, `		MaxHeaderBytes: 1 << 30, IdleTimeout`},
	{"windows that stay shut, bodies of streams that drip", "stream.go", `	return s.ctl.SetWriteDeadline(time.Now().Add(s.client.terms.Idle))`, `	return nil`},
	{"windows that stay shut, bodies of streams that drip", "stream.go", `	b.read.watch(by(c.due, c.patienceOfBody()))`, `	b.read.watch(time.Now().Add(24 * time.Hour))`},
	{"an HTTP/2 upstream that floods with 1xx, or is silent", "call.go", `	if c.interims.Add(int64(size)) > int64(c.link.terms.Head) {`, `	if false {`},
}
