package cpu

import (
	"os"
	"runtime"
	"testing"

	"burble/gguf"
)

// TestUntouched wants memory that nothing was written to yet to be told apart from the rest.
func TestUntouched(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says which pages are there")
	}
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const size = 16 << 20
	x, err := d.New("cache", gguf.I8, size)
	if err != nil {
		t.Fatal(err)
	}
	if n := d.Untouched(); n != size {
		t.Errorf("of %d new bytes, %d are untouched", size, n)
	}
	var data []byte
	for s := range d.live {
		data = s.data
	}
	page := os.Getpagesize()
	for i := 0; i < size/2; i += page {
		data[i] = 1
	}
	if n := d.Untouched(); n > size/2 || n < size/2-4<<20 { // a system may give larger pages
		t.Errorf("with half of %d bytes written, %d are untouched", size, n)
	}
	d.Free(x)
	if n := d.Untouched(); n != 0 {
		t.Errorf("%d bytes of freed memory", n)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
