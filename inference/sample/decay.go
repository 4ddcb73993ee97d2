package sample

import "math"

// decay is exp(-d) for many d, several times faster than math.Exp: a table holds it in steps of an eighth, and the
// Taylor series over the rest, which is below 1/8, is exact to float32 after six terms. The same steps serve as
// buckets of probability mass.
const (
	decayPerNat = 8
	decayEnd    = 87 // exp(-87) is about the least normal float32
	decaySteps  = decayEnd*decayPerNat + 1
)

// decayTable is read only.
var decayTable = func() (t [decaySteps]float32) {
	for i := range t {
		t[i] = float32(math.Exp(-float64(i) / decayPerNat))
	}
	return t
}()

// decay returns exp(-d) for d >= 0, to within 3e-7 of its value, and 0 from decayEnd on and for NaN.
func decay(d float32) float32 {
	if !(d < decayEnd) {
		return 0
	}
	k := int(d * decayPerNat)
	f := d - float32(k)*(1.0/decayPerNat)
	return decayTable[k] * (1 - f*(1-f*(1.0/2-f*(1.0/6-f*(1.0/24-f*(1.0/120))))))
}
