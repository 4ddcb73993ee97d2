package attach

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decodeText reads text in UTF-8, UTF-16 with or without a byte order mark, or Windows-1252, which Latin-1 is part of.
// Anything else is ErrBinary.
func decodeText(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return utf16Text(data, unicode.BigEndian)
	case utf8.Valid(data):
		if bytes.IndexByte(data, 0) < 0 && mostlyText(string(data)) {
			return string(data), nil
		}
	}
	if order, ok := utf16Order(data); ok {
		return utf16Text(data, order)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return "", ErrBinary
	}
	b, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil || !mostlyText(string(b)) || !mostlyASCII(data) {
		return "", ErrBinary
	}
	return string(b), nil
}

func utf16Text(data []byte, order unicode.Endianness) (string, error) {
	b, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(data)
	if err != nil || !mostlyText(string(b)) {
		return "", ErrBinary
	}
	return string(b), nil
}

// utf16Order guesses whether text without a mark is UTF-16: nearly every other byte of Western text is zero then.
func utf16Order(data []byte) (unicode.Endianness, bool) {
	head := data[:min(len(data), 4096)&^1]
	if len(head) < 8 || len(data)%2 != 0 {
		return unicode.BigEndian, false
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case zeros[0]*10 > half*7 && zeros[1]*10 < half:
		return unicode.BigEndian, true
	case zeros[1]*10 > half*7 && zeros[0]*10 < half:
		return unicode.LittleEndian, true
	}
	return unicode.BigEndian, false
}

// mostlyText reports whether hardly any character is a control character or a replacement for what could not be read.
func mostlyText(s string) bool {
	bad, n := 0, 0
	for _, r := range s {
		n++
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\f' || r == '\v' || r == 0x1b: // ESC: colours in logs
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError:
			bad++
		}
	}
	return bad*50 <= n
}

// mostlyASCII reports whether at most half of the bytes are letters beyond ASCII: more is no language of Windows-1252.
func mostlyASCII(data []byte) bool {
	high := 0
	for _, b := range data {
		if b >= 0x80 {
			high++
		}
	}
	return high*2 <= len(data)
}
