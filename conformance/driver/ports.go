package driver

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// Ports hands out addresses on loopback that nobody listens at. They lie
// below those that systems give to outgoing connections, so that a core that
// is away for a moment finds its own free again. The zero value is ready.
type Ports struct{ next atomic.Uint32 }

const (
	firstPort = 12000
	lastPort  = 31999
)

// Seed makes runs that begin at the same time take different ports.
func (p *Ports) Seed(n int) { p.next.Store(uint32(n) * 97 % (lastPort - firstPort)) }

// Take returns an address.
func (p *Ports) Take() (string, error) {
	for range lastPort - firstPort {
		port := firstPort + int(p.next.Add(1)%(lastPort-firstPort))
		address := fmt.Sprintf("127.0.0.1:%d", port)
		// Asked by connecting: a listener that is closed again lives on for a
		// moment in any process that is being forked meanwhile.
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return address, nil
		}
		conn.Close() //nolint:errcheck // nothing was sent
	}
	return "", fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}
