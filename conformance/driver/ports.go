package driver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Ports hands out addresses on loopback that nobody listens at, and that no
// other Ports hands out meanwhile, in this process or another. They lie below
// those that systems give to outgoing connections, so that a core that is away
// for a moment finds its own free again. The zero value is ready.
type Ports struct {
	mu     sync.Mutex
	blocks []block // that are its own; guarded by mu
	taken  int     // of the latest of them, or of all when there is no other; guarded by mu
}

// block is a range of ports. Whoever has its first one for UDP, for which
// nobody else has a use, has them all for TCP.
type block struct {
	first int
	held  net.PacketConn
}

const (
	firstPort = 12000
	lastPort  = 31999
	blockSize = 100

	// mostBlocks of one Ports; then it begins with its first one again, which
	// nobody has used for long.
	mostBlocks = 60
)

// Take returns an address.
func (p *Ports) Take() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range lastPort - firstPort {
		port, err := p.next()
		if err != nil {
			return "", err
		}
		address := loopback(port)
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

// next returns a port of a block of p's, a new block's if it can. The caller
// holds mu.
func (p *Ports) next() (int, error) {
	if p.taken%blockSize == 0 && len(p.blocks) < mostBlocks {
		if b, found := reserve(); found {
			p.blocks, p.taken = append(p.blocks, b), len(p.blocks)*blockSize
		}
	}
	if len(p.blocks) == 0 {
		return 0, fmt.Errorf("every port between %d and %d is another run's", firstPort, lastPort)
	}
	n := p.taken % (len(p.blocks) * blockSize)
	p.taken++
	return p.blocks[n/blockSize].first + n%blockSize, nil
}

// reserve finds a block that is nobody's. It looks anywhere first, so that who
// comes next does not meet those who have just gone.
func reserve() (block, bool) {
	const blocks = (lastPort - firstPort + 1) / blockSize
	for n, start := 0, rand.IntN(blocks); n < blocks; n++ {
		first := firstPort + (start+n)%blocks*blockSize
		if held, err := net.ListenPacket("udp", loopback(first)); err == nil {
			return block{first, held}, true
		}
	}
	return block{}, false
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
