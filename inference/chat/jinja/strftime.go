package jinja

import (
	"strconv"
	"strings"
	"time"
)

// strftime formats a time as C's function of that name does in the C locale; Python passes the format on to it. The
// flags -, _, 0, ^ and # of glibc are known. Times are local without a zone, so %z and %Z are empty.
func strftime(st *state, t time.Time, format string) string {
	b := builder{st: st}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.add(format[i : i+1])
			continue
		}
		from := i
		i++
		flag := byte(0)
		if strings.IndexByte("-_0^#", format[i]) >= 0 && i+1 < len(format) {
			flag = format[i]
			i++
		}
		if s, ok := directive(t, format[i], flag, 0); ok {
			b.add(s)
		} else {
			b.add(format[from : i+1])
		}
	}
	return b.String()
}

// directive formats one conversion. Compound ones such as %c are made of others.
func directive(t time.Time, c, flag byte, depth int) (string, bool) {
	number := func(n, width int, fill string) string {
		switch flag {
		case '-':
			fill, width = "", 0
		case '_':
			fill = " "
		case '0':
			fill = "0"
		}
		s := strconv.Itoa(n)
		return strings.Repeat(fill, max(width-len(s), 0)) + s
	}
	name := func(s string) string {
		if flag == '^' || flag == '#' {
			return strings.ToUpper(s)
		}
		return s
	}
	compound := func(layout string) string {
		var b strings.Builder
		for i := 0; i < len(layout); i++ {
			if layout[i] == '%' && depth < 2 {
				i++
				s, _ := directive(t, layout[i], 0, depth+1)
				b.WriteString(s)
			} else {
				b.WriteByte(layout[i])
			}
		}
		return name(b.String())
	}
	hour12 := (t.Hour()+11)%12 + 1
	isoYear, isoWeek := t.ISOWeek()
	yday, wday := t.YearDay()-1, int(t.Weekday())
	switch c {
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 'a':
		return name(t.Weekday().String()[:3]), true
	case 'A':
		return name(t.Weekday().String()), true
	case 'b', 'h':
		return name(t.Month().String()[:3]), true
	case 'B':
		return name(t.Month().String()), true
	case 'c':
		return compound("%a %b %e %H:%M:%S %Y"), true
	case 'C':
		return number(t.Year()/100, 2, "0"), true
	case 'd':
		return number(t.Day(), 2, "0"), true
	case 'D', 'x':
		return compound("%m/%d/%y"), true
	case 'e':
		return number(t.Day(), 2, " "), true
	case 'f':
		return number(t.Nanosecond()/1000, 6, "0"), true
	case 'F':
		return compound("%Y-%m-%d"), true
	case 'g':
		return number(isoYear%100, 2, "0"), true
	case 'G':
		return number(isoYear, 1, "0"), true
	case 'H':
		return number(t.Hour(), 2, "0"), true
	case 'I':
		return number(hour12, 2, "0"), true
	case 'j':
		return number(yday+1, 3, "0"), true
	case 'k':
		return number(t.Hour(), 2, " "), true
	case 'l':
		return number(hour12, 2, " "), true
	case 'm':
		return number(int(t.Month()), 2, "0"), true
	case 'M':
		return number(t.Minute(), 2, "0"), true
	case 'p', 'P':
		s := "AM"
		if t.Hour() >= 12 {
			s = "PM"
		}
		if c == 'P' || flag == '#' {
			s = strings.ToLower(s)
		}
		return s, true
	case 'r':
		return compound("%I:%M:%S %p"), true
	case 'R':
		return compound("%H:%M"), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'S':
		return number(t.Second(), 2, "0"), true
	case 'T', 'X':
		return compound("%H:%M:%S"), true
	case 'u':
		return number((wday+6)%7+1, 1, "0"), true
	case 'U':
		return number((yday+7-wday)/7, 2, "0"), true
	case 'V':
		return number(isoWeek, 2, "0"), true
	case 'w':
		return number(wday, 1, "0"), true
	case 'W':
		return number((yday+7-(wday+6)%7)/7, 2, "0"), true
	case 'y':
		return number(t.Year()%100, 2, "0"), true
	case 'Y':
		return number(t.Year(), 1, "0"), true
	case 'z', 'Z':
		return "", true
	}
	return "", false
}
