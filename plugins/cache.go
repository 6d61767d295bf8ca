package plugins

import (
	"context"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
)

// Cache is a folder of compiled code, so that a guest is compiled once and
// not with every start. Whoever can write there can run code in the gateway:
// it is nobody else's, and no folder where plugins are dropped.
type Cache struct{ compiled wazero.CompilationCache }

// OpenCache opens a cache in dir, which it makes, and makes nobody else's. The
// caller must Close it, after the plugins.
func OpenCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache of plugins: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache of plugins nobody else's: %w", err)
	}
	c, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cache of plugins: %w", err)
	}
	return &Cache{c}, nil
}

// Close frees what the cache holds in memory.
func (c *Cache) Close() error { return c.compiled.Close(context.Background()) }
