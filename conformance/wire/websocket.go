package wire

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Opcodes of frames (RFC 6455 5.2).
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// longest is how much a frame of the suite's own may hold: it says little.
const longest = 1 << 16

// IsWebSocket reports whether a request asks for a WebSocket.
func IsWebSocket(h http.Header) bool { return strings.EqualFold(h.Get("Upgrade"), "websocket") }

func accepted(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ServeWebSocket answers the handshake, and says each text that it is told,
// until the peer closes or cuts the connection.
func ServeWebSocket(w http.ResponseWriter, r *http.Request) error {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accepted(r.Header.Get("Sec-WebSocket-Key"))); err != nil {
		return err
	}
	for {
		op, text, err := readFrame(rw.Reader)
		if err != nil {
			return err
		}
		if op == opPing {
			op = opPong
		}
		if err := writeFrame(conn, op, text, false); err != nil || op == opClose {
			return err
		}
	}
}

// DialWebSocket opens a WebSocket at a path of the address, says text, unless
// it is empty, and reads until the connection ends: the body is what it was
// told. A refused handshake is the answer to it.
func DialWebSocket(ctx context.Context, address, path string, h http.Header, text string) (Answer, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	key := base64.StdEncoding.EncodeToString([]byte("conformance-key!"))
	var head strings.Builder
	fmt.Fprintf(&head, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", path, address, key)
	if err := h.Write(&head); err != nil {
		return Answer{}, err
	}
	if _, err := io.WriteString(conn, head.String()+"\r\n"); err != nil {
		return Answer{}, err
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Status != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		a.Body, err = io.ReadAll(resp.Body)
		return a, err
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); got != accepted(key) {
		return a, fmt.Errorf("Sec-WebSocket-Accept is %q", got)
	}
	if text != "" {
		if err := writeFrame(conn, opText, []byte(text), true); err != nil {
			return a, err
		}
	}
	return a, a.listen(ctx, br)
}

// listen reads until the connection ends.
func (a *Answer) listen(ctx context.Context, r *bufio.Reader) error {
	for {
		op, text, err := readFrame(r)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return nil // cut: it ended without a code
		case op == opText:
			a.Body = append(a.Body, text...)
		case op == opClose:
			if len(text) >= 2 {
				a.Close = int(binary.BigEndian.Uint16(text))
			}
			return nil
		}
	}
}

func readFrame(r *bufio.Reader) (op byte, text []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		var n [2]byte
		_, err = io.ReadFull(r, n[:])
		size = uint64(binary.BigEndian.Uint16(n[:]))
	case 127:
		var n [8]byte
		_, err = io.ReadFull(r, n[:])
		size = binary.BigEndian.Uint64(n[:])
	}
	if err != nil {
		return 0, nil, err
	}
	if size > longest {
		return 0, nil, errors.New("a frame is too long")
	}
	var mask [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	text = make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return 0, nil, err
	}
	for i := range text {
		text[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, text, nil
}

// writeFrame writes a short frame; clients mask theirs.
func writeFrame(w io.Writer, op byte, text []byte, masked bool) error {
	if len(text) > 125 {
		return errors.New("the suite says short texts only")
	}
	frame := []byte{0x80 | op, byte(len(text))}
	var mask [4]byte
	if masked {
		rand.Read(mask[:])
		frame[1] |= 0x80
		frame = append(frame, mask[:]...)
	}
	for i, b := range text {
		frame = append(frame, b^mask[i%4])
	}
	_, err := w.Write(frame)
	return err
}
