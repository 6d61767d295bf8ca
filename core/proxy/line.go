package proxy

import "bytes"

// lineFault is what is wrong with a header line; both sides name it in words of
// their own.
type lineFault uint8

const (
	noFault     lineFault = iota
	lineBroken            // it does not end in CRLF, or is folded
	nameBroken            // its name is not a token that the colon follows at once
	valueBroken           // its value has a control character
)

// headerLine is one header line.
type headerLine struct {
	colon int // after the name
	end   int // of the line without its CRLF; 0: it is the empty line after the last
}

// readLine reads the header line (RFC 9112 5) that b begins with. Every line of
// every request and answer comes by here, so a good one is looked at once.
func readLine(b []byte) (l headerLine, fault lineFault) {
	l.colon = tokenLength(b)
	if l.colon == 0 && len(b) >= len(crlf) && b[0] == '\r' && b[1] == '\n' {
		return headerLine{}, noFault
	}
	if l.colon == 0 || l.colon == len(b) || b[l.colon] != ':' {
		return l, faultOf(b)
	}
	l.end = l.colon + 1 + textLength(b[l.colon+1:])
	if rest := b[l.end:]; len(rest) < len(crlf) || rest[0] != '\r' || rest[1] != '\n' {
		return l, faultOf(b)
	}
	return l, noFault
}

// faultOf says what is wrong with the line that b begins with: the worst first.
func faultOf(b []byte) lineFault {
	n := bytes.IndexByte(b, '\n')
	if n < 1 || b[n-1] != '\r' || b[0] == ' ' || b[0] == '\t' {
		return lineBroken
	}
	line := b[:n-1]
	if colon := tokenLength(line); colon == 0 || colon == len(line) || line[colon] != ':' {
		return nameBroken
	}
	return valueBroken
}

// tokenLength returns the length of the token that s begins with.
func tokenLength(s []byte) int {
	for i, c := range s {
		if !tokenOctets.has(c) {
			return i
		}
	}
	return len(s)
}
