package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strings"
)

// arithmetic computes a op b.
func (st *state) arithmetic(op string, a, b any) any {
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return st.integers(op, x, y)
		}
	}
	if x, y := bigInt(a), bigInt(b); x != nil && y != nil {
		return st.bigs(op, x, y)
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return st.floats(op, x, y)
		}
	}
	switch op {
	case "+":
		if v, ok := st.add(a, b); ok {
			return v
		}
	case "*":
		if n, ok := integer(b); ok {
			if v, ok := st.repeat(a, n); ok {
				return v
			}
		}
		if n, ok := integer(a); ok {
			if v, ok := st.repeat(b, n); ok {
				return v
			}
		}
	case "%":
		if s, ok := text(a); ok {
			if t, ok := b.(*list); ok && t.tuple {
				return like(a, st.printf(s, t.items, nil))
			}
			return like(a, st.printf(s, []any{b}, b))
		}
	}
	st.defined(a)
	st.defined(b)
	if _, ok := text(a); ok && op == "+" {
		st.typeError("can only concatenate str (not \"%s\") to str", typeName(b))
	}
	st.typeError("unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
	return nil
}

func (st *state) add(a, b any) (any, bool) {
	if s, ok := text(a); ok {
		t, ok := text(b)
		if !ok {
			return nil, false
		}
		_, ma := a.(markup)
		_, mb := b.(markup)
		if ma && !mb {
			t = st.escape(t)
		} else if mb && !ma {
			s = st.escape(s)
		}
		st.alloc(len(s) + len(t))
		if ma || mb {
			return markup(s + t), true
		}
		return s + t, true
	}
	x, ok := a.(*list)
	if !ok {
		return nil, false
	}
	y, ok := b.(*list)
	if !ok || x.tuple != y.tuple {
		return nil, false
	}
	st.allocItems(len(x.items) + len(y.items))
	return &list{items: slices.Concat(x.items, y.items), tuple: x.tuple}, true
}

// repeat is v times n, for text and lists.
func (st *state) repeat(v any, n int) (any, bool) {
	n = max(n, 0)
	size := func(k int) int {
		hi, lo := bits.Mul64(uint64(k), uint64(n))
		if hi != 0 || lo > 1<<40 {
			return 1 << 40
		}
		return int(lo)
	}
	switch x := v.(type) {
	case string, markup:
		s, _ := text(x)
		st.alloc(size(len(s)))
		return like(v, strings.Repeat(s, n)), true
	case *list:
		st.allocItems(size(len(x.items)))
		return &list{items: slices.Repeat(x.items, n), tuple: x.tuple}, true
	}
	return nil, false
}

// maxBits bounds integers beyond 64 bits.
const maxBits = 1 << 13

// bigs computes with integers that may exceed 64 bits.
func (st *state) bigs(op string, x, y *big.Int) any {
	r := new(big.Int)
	switch op {
	case "+":
		r.Add(x, y)
	case "-":
		r.Sub(x, y)
	case "*":
		r.Mul(x, y)
	case "**":
		if y.Sign() < 0 {
			return st.floats(op, asFloat(x), asFloat(y))
		}
		if x.BitLen() > 1 && (!y.IsInt64() || y.Int64() > maxBits/int64(x.BitLen()-1)) {
			st.fail(Limit, "an integer is too large")
		}
		if x.BitLen() <= 1 {
			y = new(big.Int).And(y, big.NewInt(1)) // 0, 1 and -1: only whether the exponent is odd or zero matters
			if x.Sign() == 0 {
				return 0
			}
		}
		r.Exp(x, y, nil)
	default:
		if y.Sign() == 0 {
			st.typeError("division by zero")
		}
		if op == "/" {
			return asFloat(x) / asFloat(y)
		}
		m := new(big.Int)
		r.QuoRem(x, y, m)
		if m.Sign() != 0 && m.Sign() != y.Sign() {
			r.Sub(r, big.NewInt(1))
			m.Add(m, y)
		}
		if op == "%" {
			r = m
		}
	}
	st.alloc(r.BitLen() / 8)
	if r.BitLen() > 2*maxBits {
		st.fail(Limit, "an integer is too large")
	}
	if r.IsInt64() {
		return int(r.Int64())
	}
	return r
}

func asFloat(x *big.Int) float64 {
	f, _ := new(big.Float).SetInt(x).Float64()
	return f
}

// integers computes with integers, and goes on with larger ones where 64 bits don't do.
func (st *state) integers(op string, x, y int) any {
	base := x
	switch op {
	case "+":
		if s := x + y; (s > x) == (y > 0) {
			return s
		}
	case "-":
		if d := x - y; (d < x) == (y > 0) {
			return d
		}
	case "*":
		if p, ok := multiply(x, y); ok {
			return p
		}
	case "/", "//", "%":
		if y == 0 {
			st.typeError("division by zero")
		}
		if op == "/" {
			return float64(x) / float64(y)
		}
		if x == math.MinInt && y == -1 {
			break
		}
		q, r := x/y, x%y
		if r != 0 && (r < 0) != (y < 0) {
			q, r = q-1, r+y
		}
		if op == "//" {
			return q
		}
		return r
	case "**":
		if y < 0 {
			return st.floats(op, float64(x), float64(y))
		}
		p, ok := 1, true
		for n := y; n > 0 && ok; n >>= 1 {
			if n&1 == 1 {
				if p, ok = multiply(p, x); !ok {
					break
				}
			}
			if n > 1 {
				x, ok = multiply(x, x)
			}
		}
		if ok {
			return p
		}
	}
	return st.bigs(op, big.NewInt(int64(base)), big.NewInt(int64(y)))
}

func multiply(x, y int) (int, bool) {
	if x == 0 || y == 0 {
		return 0, true
	}
	p := x * y
	if p/y != x || x == -1 && y == math.MinInt || y == -1 && x == math.MinInt {
		return 0, false
	}
	return p, true
}

func (st *state) floats(op string, x, y float64) any {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "**":
		if x == 0 && y < 0 {
			st.typeError("0.0 cannot be raised to a negative power")
		}
		return math.Pow(x, y)
	}
	if y == 0 {
		st.typeError("float division by zero")
	}
	if op == "/" {
		return x / y
	}
	r := math.Mod(x, y)
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	if op == "%" {
		return r
	}
	return math.Floor((x-r)/y + 0.5)
}

// sign is the unary + or -.
func (st *state) sign(op string, v any) any {
	if i, ok := integer(v); ok {
		if op == "+" {
			return i
		}
		return st.integers("-", 0, i)
	}
	switch f := v.(type) {
	case float64:
		if op == "-" {
			return -f
		}
		return f
	case *big.Int:
		if op == "-" {
			return new(big.Int).Neg(f)
		}
		return f
	}
	st.defined(v)
	st.typeError("bad operand type for unary %s: '%s'", op, typeName(v))
	return nil
}

// compare computes a op b for the comparison operators, in and not in.
func (st *state) compare(op string, a, b any) bool {
	switch op {
	case "==":
		return st.equal(a, b)
	case "!=":
		return !st.equal(a, b)
	case "in":
		return st.contains(b, a)
	case "not in":
		return !st.contains(b, a)
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok && (x != x || y != y) {
			return false // a NaN
		}
	}
	c, ok := st.order(a, b)
	if !ok {
		st.defined(a)
		st.defined(b)
		st.typeError("'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// order compares two values that have an order: numbers, texts, lists of such.
func (st *state) order(a, b any) (int, bool) {
	if c, ok := orderNumbers(a, b); ok {
		return c, true
	}
	if s, ok := text(a); ok {
		t, ok := text(b)
		st.scan(min(len(s), len(t)))
		return strings.Compare(s, t), ok
	}
	x, ok := a.(*list)
	if !ok {
		return 0, false
	}
	y, ok := b.(*list)
	if !ok || x.tuple != y.tuple {
		return 0, false
	}
	st.enter()
	defer st.leave()
	for i := range min(len(x.items), len(y.items)) {
		if !st.equal(x.items[i], y.items[i]) {
			return st.order(x.items[i], y.items[i])
		}
	}
	return len(x.items) - len(y.items), true
}

func orderNumbers(a, b any) (int, bool) {
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		}
	}
	x, ok := number(a)
	if !ok {
		return 0, false
	}
	y, ok := number(b)
	if !ok {
		return 0, false
	}
	if p, q := bigInt(a), bigInt(b); p != nil && q != nil {
		return p.Cmp(q), true
	}
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

// bigInt gives an integer's value of any size, nil for other values.
func bigInt(v any) *big.Int {
	if b, ok := v.(*big.Int); ok {
		return b
	}
	if i, ok := integer(v); ok {
		return big.NewInt(int64(i))
	}
	return nil
}

// equal is Python's ==.
func (st *state) equal(a, b any) bool {
	st.step(1)
	if x, ok := number(a); ok {
		y, ok := number(b)
		if !ok || x != x || y != y {
			return false
		}
		c, _ := orderNumbers(a, b)
		return c == 0
	}
	if s, ok := text(a); ok {
		t, ok := text(b)
		if !ok || len(s) != len(t) {
			return false
		}
		st.scan(len(s))
		return s == t
	}
	switch x := a.(type) {
	case *list:
		y, ok := b.(*list)
		if !ok || x.tuple != y.tuple || len(x.items) != len(y.items) {
			return false
		}
		st.enter()
		defer st.leave()
		for i := range x.items {
			if !st.equal(x.items[i], y.items[i]) {
				return false
			}
		}
		return true
	case *Dict:
		y, ok := b.(*Dict)
		if !ok || x.Len() != y.Len() {
			return false
		}
		st.enter()
		defer st.leave()
		for i, k := range x.keys {
			h, _ := st.hashKey(k)
			v, ok := y.get(h)
			if !ok || !st.equal(x.values[i], v) {
				return false
			}
		}
		return true
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case *rangeValue:
		y, ok := b.(*rangeValue)
		return ok && x.n == y.n && (x.n == 0 || x.start == y.start && (x.n == 1 || x.step == y.step))
	}
	return a == b
}

// contains is Python's "item in container".
func (st *state) contains(container, item any) bool {
	switch c := container.(type) {
	case string, markup:
		s, _ := text(c)
		t, ok := text(item)
		if !ok {
			st.typeError("'in <string>' requires string as left operand, not %s", typeName(item))
		}
		st.scan(len(s))
		return strings.Contains(s, t)
	case *Dict:
		h, ok := st.hashKey(item)
		if !ok {
			st.typeError("unhashable type: '%s'", typeName(item))
		}
		_, found := c.get(h)
		return found
	case *rangeValue:
		f, ok := number(item)
		i := int(f)
		return ok && float64(i) == f && c.n > 0 && (i-c.start)%c.step == 0 && (i-c.start)/c.step >= 0 && (i-c.start)/c.step < c.n
	}
	items, ok := st.elements(container)
	if !ok {
		st.typeError("argument of type '%s' is not iterable", typeName(container))
	}
	for _, x := range items {
		if st.equal(x, item) {
			return true
		}
	}
	return false
}
