package script

import (
	"errors"
	"strconv"
	"strings"
)

// words splits a line. Within a word "..." holds Go's escapes and '...' holds
// none; a # that begins a word begins a comment.
func words(line string) ([]string, error) {
	var out []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			return out, nil
		}
		word, rest, err := word(line)
		if err != nil {
			return nil, err
		}
		out, line = append(out, word), rest
	}
}

func word(line string) (text, rest string, err error) {
	var b strings.Builder
	for line != "" {
		switch line[0] {
		case ' ', '\t':
			return b.String(), line, nil
		case '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return "", "", errors.New(`a " has no end, or an escape in it is not Go's`)
			}
			plain, err := strconv.Unquote(quoted)
			if err != nil {
				return "", "", errors.New("an escape is not Go's")
			}
			b.WriteString(plain)
			line = line[len(quoted):]
		case '\'':
			plain, after, ended := strings.Cut(line[1:], "'")
			if !ended {
				return "", "", errors.New("a ' has no end")
			}
			b.WriteString(plain)
			line = after
		default:
			b.WriteByte(line[0])
			line = line[1:]
		}
	}
	return b.String(), "", nil
}
