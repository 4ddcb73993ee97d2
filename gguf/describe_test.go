package gguf

import (
	"bytes"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	f := open(t, sample(t))
	var out strings.Builder
	if err := f.Describe(&out, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"parameters", "221", "1 × Q4_0, 108 bytes", "Grüße\\x00\\n", "[2 × int32] -7 8", "matrix", "[3 64]", "nested",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing from:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x00") {
		t.Error("control characters reach the terminal")
	}
	out.Reset()
	if err := f.Describe(&out, false); err != nil || strings.Contains(out.String(), "[3 64]") {
		t.Errorf("tensors are listed without being asked for (%v)", err)
	}
}

func TestValueShortens(t *testing.T) {
	long, err := NewValue(strings.Repeat("ü", 1000))
	if err != nil {
		t.Fatal(err)
	}
	if s := long.String(); len(s) > 200 || strings.Contains(s, "�") || strings.Contains(s, `\x`) || !strings.Contains(s, "2000 bytes") {
		t.Errorf("long text became %s", s)
	}
	many, err := NewValue(make([]int32, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if s := many.String(); len(s) > 60 || !strings.Contains(s, "1000 × int32") || !strings.HasSuffix(s, "…") {
		t.Errorf("long array became %s", s)
	}
}

func TestQuantisation(t *testing.T) {
	for number, want := range map[uint32]string{15: "Q4_K_M", 7: "Q8_0", 999: "F16"} {
		var out bytes.Buffer
		w := NewWriter(&out)
		if err := w.Set("general.file_type", number); err != nil {
			t.Fatal(err)
		}
		if err := w.AddTensor("small", F32, []int{2}, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		if err := w.AddTensor("large", F16, []int{9}, make([]byte, 18)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := open(t, out.Bytes()).Quantisation(); got != want {
			t.Errorf("file type %d: %s, want %s", number, got, want)
		}
	}
}

func TestFormatCount(t *testing.T) {
	for n, want := range map[int64]string{999: "999", 1000: "1K", 494_032_768: "494M", 999_600_000: "1.00B", 8_030_261_312: "8.03B", 1_040_000_000_000: "1.04T"} {
		if got := FormatCount(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
