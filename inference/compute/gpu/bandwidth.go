package gpu

import (
	"context"
	"slices"

	"burble/hip"
)

// ReadBandwidth measures how many bytes of its memory the GPU reads in a second: the best of a few runs over a GiB, or over half of
// what is free where that is less. It is what decoding can reach at most. 0 means that it could not be measured.
func (d *Device) ReadBandwidth(ctx context.Context) float64 {
	size := int64(1 << 30)
	if free := d.Memory().Free; free >= 0 {
		size = min(size, free/2)
	}
	return d.readBandwidth(ctx, size)
}

func (d *Device) readBandwidth(ctx context.Context, size int64) float64 {
	const blocksEach, threads, least = 8, 256, 1 << 20
	if size = size &^ 255; d.closed || size < least || d.compile(ctx, []string{"bandwidth"}) != nil {
		return 0
	}
	kernel, err := d.modules["bandwidth"].function("read_all")
	if err != nil {
		return 0
	}
	blocks := blocksEach * max(d.info.Multiprocessors, 1)
	x, err := d.dev.Alloc("memory to read", size)
	if err != nil {
		return 0
	}
	out, err := d.dev.Alloc("sums of what was read", int64(blocks*threads*4))
	if err != nil {
		_ = x.Free() // what remains is freed with the device
		return 0
	}
	d.stream.Label(hip.Op{Layer: -1, Name: "measure reading"})
	d.stream.Fill(x.Span(), 1)
	var rates []float64
	for range 6 { // the first warms up
		seconds := d.timeOf(ctx, func() {
			d.stream.Launch(kernel, hip.Dim{X: uint32(blocks)}, hip.Dim{X: threads}, 0,
				d.stream.Args().Span(out.Span()).Span(x.Span()).I64(size/16).I32(blocks))
		})
		if seconds > 0 {
			rates = append(rates, float64(size)/seconds)
		}
	}
	if x.Free() != nil || out.Free() != nil || len(rates) == 0 {
		return 0
	}
	return slices.Max(rates)
}

// timeOf is the GPU's time in seconds of what issue issues, or 0 if that failed.
func (d *Device) timeOf(ctx context.Context, issue func()) float64 {
	start, err := d.dev.NewTimer()
	if err != nil {
		return 0
	}
	defer start.Close()
	end, err := d.dev.NewTimer()
	if err != nil {
		return 0
	}
	defer end.Close()
	d.stream.Record(start)
	issue()
	d.stream.Record(end)
	if d.stream.Sync(ctx) != nil {
		return 0
	}
	took, err := hip.Elapsed(start, end)
	if err != nil {
		return 0
	}
	return took.Seconds()
}
