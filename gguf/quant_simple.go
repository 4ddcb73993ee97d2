package gguf

import (
	"encoding/binary"
	"math"
)

// The simple formats hold 32 values under one scale. In those with 4 bits or
// more than 4 and fewer than 8, byte j holds value j in its low nibble and
// value j+16 in its high one.

// decodeQ4_0: half d, 16 bytes of nibbles q; x = d·(q−8).
func decodeQ4_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[18:] {
		d := half(src)
		for j, b := range src[2:18] {
			dst[j] = d * float32(int(b&15)-8)
			dst[j+16] = d * float32(int(b>>4)-8)
		}
	}
}

// decodeQ8_0: half d, 32 signed bytes q; x = d·q.
func decodeQ8_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[34:] {
		d := half(src)
		for j, b := range src[2:34] {
			dst[j] = d * float32(int8(b))
		}
	}
}

func encodeQ8_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[34:], src[32:] {
		var most float32
		for _, v := range src[:32] {
			most = max(most, float32(math.Abs(float64(v))))
		}
		d := most / 127
		inverse := float32(0)
		if d != 0 {
			inverse = 1 / d
		}
		binary.LittleEndian.PutUint16(dst, F32ToF16(d))
		for j, v := range src[:32] {
			dst[2+j] = byte(int8(math.Round(float64(v * inverse))))
		}
	}
}
