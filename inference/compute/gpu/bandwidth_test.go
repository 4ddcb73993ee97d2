package gpu

import (
	"context"
	"testing"

	"burble/hip/softhip"
)

func TestReadBandwidth(t *testing.T) {
	t.Run("soft", func(t *testing.T) {
		d, _ := soft(t, softhip.Config{Memory: 64 << 20}, Options{})
		before := d.Memory().Free
		if rate := d.readBandwidth(context.Background(), 1<<20); rate <= 0 {
			t.Errorf("%g bytes/s", rate)
		}
		if after := d.Memory().Free; after != before {
			t.Errorf("%d bytes of memory were free, then %d", before, after)
		}
		if rate := d.readBandwidth(context.Background(), 100); rate != 0 {
			t.Errorf("100 bytes tell nothing, and %g bytes/s come of them", rate)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if rate := d.ReadBandwidth(context.Background()); rate != 0 {
			t.Errorf("%g bytes/s of a closed device", rate)
		}
	})
	t.Run("gpu", func(t *testing.T) {
		d := real(t, Options{})
		rate := d.ReadBandwidth(context.Background())
		t.Logf("SPEED reads %.0f GB/s", rate/1e9)
		if rate < 1e10 {
			t.Errorf("%g bytes/s", rate)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
