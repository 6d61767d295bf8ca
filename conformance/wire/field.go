package wire

import (
	"errors"
	"fmt"
	"strings"
)

// Item is a structured field of one item with parameters (RFC 9651, section
// 3.3). Bare items of all types are kept as their text; strings without their
// quotes.
type Item struct {
	Bare       string
	Parameters map[string]string // a parameter without a value is "?1"
}

// ParseItem reads an item. Of a list it reads the first one.
func ParseItem(s string) (Item, error) {
	p := fieldParser{strings.Trim(s, " ")}
	it := Item{Parameters: map[string]string{}}
	var err error
	if it.Bare, err = p.bare(); err != nil {
		return it, fmt.Errorf("structured field %q: %w", s, err)
	}
	for strings.HasPrefix(p.rest, ";") {
		p.rest = strings.TrimLeft(p.rest[1:], " ")
		key := p.key()
		if key == "" {
			return it, fmt.Errorf("structured field %q: a parameter has no name", s)
		}
		value := "?1"
		if strings.HasPrefix(p.rest, "=") {
			p.rest = p.rest[1:]
			if value, err = p.bare(); err != nil {
				return it, fmt.Errorf("structured field %q: parameter %s: %w", s, key, err)
			}
		}
		it.Parameters[key] = value
	}
	if p.rest = strings.TrimLeft(p.rest, " \t"); p.rest != "" && p.rest[0] != ',' {
		return it, fmt.Errorf("structured field %q: %q is left over", s, p.rest)
	}
	return it, nil
}

type fieldParser struct{ rest string }

const (
	lower = "abcdefghijklmnopqrstuvwxyz"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit = "0123456789"
)

// take returns the longest beginning that has only such octets.
func (p *fieldParser) take(set string) string {
	n := 0
	for n < len(p.rest) && strings.IndexByte(set, p.rest[n]) >= 0 {
		n++
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

func (p *fieldParser) key() string {
	if p.rest == "" || strings.IndexByte(lower+"*", p.rest[0]) < 0 {
		return ""
	}
	return p.take(lower + digit + "_-.*")
}

func (p *fieldParser) bare() (string, error) {
	if p.rest == "" {
		return "", errors.New("it ends where a value should be")
	}
	switch c := p.rest[0]; {
	case c == '"':
		return p.quoted()
	case strings.IndexByte(lower+upper+"*", c) >= 0:
		return p.take(lower + upper + digit + "!#$%&'*+-.^_`|~:/"), nil
	case c == '-' || strings.IndexByte(digit, c) >= 0:
		p.rest = strings.TrimPrefix(p.rest, "-")
		number := p.take(digit + ".")
		if number == "" {
			return "", errors.New("a sign without a number")
		}
		if c == '-' {
			number = "-" + number
		}
		return number, nil
	case c == '?' && len(p.rest) > 1 && (p.rest[1] == '0' || p.rest[1] == '1'):
		b := p.rest[:2]
		p.rest = p.rest[2:]
		return b, nil
	}
	return "", fmt.Errorf("%q begins no value", p.rest)
}

func (p *fieldParser) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case c == '\\':
			i++
			if i == len(p.rest) || (p.rest[i] != '"' && p.rest[i] != '\\') {
				return "", errors.New(`a \ escapes neither " nor \`)
			}
			b.WriteByte(p.rest[i])
		case c < 0x20 || c > 0x7e:
			return "", fmt.Errorf("octet %#x in a string", c)
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a string without end")
}
