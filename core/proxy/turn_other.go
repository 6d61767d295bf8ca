//go:build !unix

package proxy

import "net"

// turn is of use on unix only.
type turn struct {
	asked bool
	sent  int
}

func newTurn(net.Conn) (turn, bool) { return turn{}, false }

func (turn) take([]byte, *inlet) error { return nil }
