// Package golden holds what is drawn to pictures, in tests.
package golden

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
)

// Match holds a picture of the window to testdata/NAME.png. Fonts are bundled, but for glyphs that they lack,
// which come from the system: a pixel may differ a little, and one in a hundred may differ more. UPDATE_GOLDEN=1 writes
// the file.
func Match(t testing.TB, w fyne.Window, name string) {
	t.Helper()
	got := w.Canvas().Capture()
	path := filepath.Join("testdata", name+".png")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("%s: the picture is %v, want %v", name, got.Bounds(), want.Bounds())
	}
	if n, all := different(got, want), got.Bounds().Dx()*got.Bounds().Dy(); n*100 > all {
		failed := filepath.Join(t.ArtifactDir(), name+".png")
		if f, err := os.Create(failed); err == nil {
			defer f.Close()
			if err := png.Encode(f, got); err != nil {
				t.Error(err)
			}
		}
		t.Errorf("%s: %d of %d pixels differ (go test -artifacts keeps %s)", name, n, all, failed)
	}
}

// different counts the pixels that differ by more than rounding.
func different(a, b image.Image) int {
	n := 0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			p := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA)
			q := color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			d := max(diff(p.R, q.R), diff(p.G, q.G), diff(p.B, q.B))
			if d > 24 {
				n++
			}
		}
	}
	return n
}

func diff(a, b uint8) int {
	if a > b {
		return int(a - b)
	}
	return int(b - a)
}
