package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/modgate/modgate/core/store"
)

// A record lies in the file as its revision (8 bytes, big endian), the
// CRC-32C of key, revision and value (4 bytes, big endian), and the value.
// bbolt has checksums of its two meta pages only; a bit that flips in an
// epoch must not go unseen.
const headLen = 8 + 4

// castagnoli is the table of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(key []byte, revision store.Revision, value []byte) []byte {
	rec := make([]byte, headLen, headLen+len(value))
	binary.BigEndian.PutUint64(rec, uint64(revision))
	binary.BigEndian.PutUint32(rec[8:], sum(key, rec[:8], value))
	return append(rec, value...)
}

// decode returns revision and value of a record; zeros if it is nil. The
// value lies within rec.
func decode(key, rec []byte) (store.Revision, []byte, error) {
	if rec == nil {
		return 0, nil, nil
	}
	if len(rec) < headLen || binary.BigEndian.Uint32(rec[8:]) != sum(key, rec[:8], rec[headLen:]) {
		return 0, nil, fmt.Errorf("record %q is damaged", key)
	}
	return store.Revision(binary.BigEndian.Uint64(rec)), rec[headLen:], nil
}

func sum(parts ...[]byte) uint32 {
	var s uint32
	for _, p := range parts {
		s = crc32.Update(s, castagnoli, p)
	}
	return s
}
