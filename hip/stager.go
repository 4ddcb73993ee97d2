package hip

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// StagerOptions size a Stager. Zero fields take the defaults.
type StagerOptions struct {
	ChunkBytes int // of one upload; 4 MiB
	Chunks     int // in the ring; 16
	Readers    int // goroutines that fill chunks; as many as the CPU has cores, between 2 and 8
}

// Stager uploads what is too large for one pinned buffer, such as a model's weights, through a ring of pinned
// chunks: several goroutines read into chunks while the stream uploads others. A chunk is reused when the event
// behind its upload has completed.
type Stager struct {
	s       *Stream
	memory  *Pinned
	chunk   int
	slots   []stageSlot
	readers int
}

type stageSlot struct {
	bytes    []byte
	span     HostSpan
	uploaded *Event
	n        int64 // bytes of the upload in flight
}

// Transfer is one run of bytes to bring to the device.
type Transfer struct {
	Label string // "blk.0.attn_q.weight", for errors
	Dst   Span
	// Read fills p with the bytes of the transfer from offset on. Several goroutines call it at once, for different
	// parts. It may convert: what it writes is what is uploaded.
	Read func(p []byte, offset int64) error
	// Granule makes every offset and length passed to Read a multiple of it, but for the end. 0 means 1.
	Granule int64
}

// NewStager makes a stager with its ring.
func (s *Stream) NewStager(o StagerOptions) (*Stager, error) {
	if o.ChunkBytes <= 0 {
		o.ChunkBytes = 4 << 20
	}
	if o.Chunks <= 0 {
		o.Chunks = 16
	}
	if o.Readers <= 0 {
		o.Readers = min(max(runtime.NumCPU(), 2), 8)
	}
	g := &Stager{s: s, chunk: o.ChunkBytes, readers: o.Readers}
	var err error
	if g.memory, err = s.d.AllocPinned("staging ring", o.ChunkBytes*o.Chunks); err != nil {
		return nil, err
	}
	g.slots = make([]stageSlot, o.Chunks)
	for i := range g.slots {
		at := i * o.ChunkBytes
		g.slots[i].bytes = g.memory.Bytes()[at : at+o.ChunkBytes : at+o.ChunkBytes]
		g.slots[i].span = g.memory.Slice(at, o.ChunkBytes)
		if g.slots[i].uploaded, err = s.d.NewEvent(); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

// stageJob is a chunk to read, into a slot.
type stageJob struct {
	slot     int
	transfer *Transfer
	offset   int64
	n        int64
	err      error // of reading it
}

// Upload brings all transfers to the device and returns when they are there. progress is told the bytes that newly
// arrived; it may be nil. When ctx ends, uploads in flight are waited for and ctx's error is returned; then,
// and after any other error, the destinations hold undefined bytes.
func (g *Stager) Upload(ctx context.Context, transfers []Transfer, progress func(bytes int64)) error {
	if g.memory == nil {
		return ErrClosed
	}
	for i := range transfers {
		if t := &transfers[i]; t.Granule > int64(g.chunk) {
			return fmt.Errorf("hip: uploading %s: a granule of %d bytes does not fit a chunk of %d", t.Label, t.Granule, g.chunk)
		}
	}
	u := &upload{g: g, transfers: transfers, progress: progress,
		jobs: make(chan stageJob, len(g.slots)), filled: make(chan stageJob, len(g.slots))}
	for i := range g.slots {
		u.free = append(u.free, i)
	}
	var readers sync.WaitGroup
	for range g.readers {
		readers.Go(u.read)
	}
	err := u.run(ctx)
	u.stop.Store(err != nil)
	close(u.jobs)
	readers.Wait()
	// The ring must not be reused, nor freed, while the device reads it.
	for len(u.flying) > 0 {
		if waitErr := u.land(context.Background()); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
	return err
}

// upload is the state of one Upload. All but read runs on the stream's goroutine.
type upload struct {
	g         *Stager
	transfers []Transfer
	progress  func(int64)
	jobs      chan stageJob // to the readers
	filled    chan stageJob // from the readers
	free      []int         // slots that hold nothing
	flying    []int         // slots being uploaded, oldest first
	reading   int           // jobs handed out and not back
	at        int           // transfer and
	offset    int64         // position of the next job
	stop      atomic.Bool   // what is left in jobs is not wanted
}

func (u *upload) read() {
	for j := range u.jobs {
		if u.stop.Load() {
			continue
		}
		j.err = j.transfer.Read(u.g.slots[j.slot].bytes[:j.n], j.offset)
		u.filled <- j // has room for every slot
	}
}

func (u *upload) run(ctx context.Context) error {
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		u.handOut()
		if u.reading == 0 && len(u.flying) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("hip: uploading: %w", err)
		}
		if err := u.landed(); err != nil {
			return err
		}
		if u.reading == 0 && len(u.flying) == 0 {
			continue
		}
		if u.reading == 0 { // every slot, or all that is left, is on its way
			if err := u.land(ctx); err != nil {
				return err
			}
			continue
		}
		// Look at the uploads again soon: a chunk takes about 0.1 ms on a fast link.
		tick.Reset(100 * time.Microsecond)
		select {
		case j := <-u.filled:
			if err := u.launch(j); err != nil {
				return err
			}
		case <-tick.C:
		}
	}
}

// more says whether bytes are left to hand out.
func (u *upload) more() bool { return u.at < len(u.transfers) }

// handOut gives the readers work as long as slots are free.
func (u *upload) handOut() {
	for len(u.free) > 0 && u.more() {
		t := &u.transfers[u.at]
		if t.Dst.n == u.offset {
			u.at++
			u.offset = 0
			continue
		}
		chunk := int64(u.g.chunk)
		if t.Granule > 1 {
			chunk -= chunk % t.Granule
		}
		n := min(chunk, t.Dst.n-u.offset)
		slot := u.free[len(u.free)-1]
		u.free = u.free[:len(u.free)-1]
		u.jobs <- stageJob{slot: slot, transfer: t, offset: u.offset, n: n} // has room for every slot
		u.reading++
		u.offset += n
	}
}

// launch issues the upload of a chunk that was read.
func (u *upload) launch(j stageJob) error {
	u.reading--
	if j.err != nil {
		return fmt.Errorf("hip: reading %s: %w", j.transfer.Label, j.err)
	}
	s, slot := u.g.s, &u.g.slots[j.slot]
	s.Label(Op{Layer: -1, Tensor: j.transfer.Label, Name: "upload"})
	s.Upload(j.transfer.Dst.Slice(j.offset, j.n), slot.span.Slice(0, j.n))
	s.Record(slot.uploaded)
	s.Label(Op{})
	if err := s.Err(); err != nil {
		return err
	}
	slot.n = j.n
	u.flying = append(u.flying, j.slot)
	return nil
}

// landed frees the slots whose uploads have completed.
func (u *upload) landed() error {
	for len(u.flying) > 0 {
		done, err := u.g.slots[u.flying[0]].uploaded.Done()
		if err != nil || !done {
			return err
		}
		u.pop()
	}
	return nil
}

// land waits for the oldest upload.
func (u *upload) land(ctx context.Context) error {
	if err := u.g.slots[u.flying[0]].uploaded.Wait(ctx); err != nil {
		return err
	}
	u.pop()
	return nil
}

func (u *upload) pop() {
	i := u.flying[0]
	u.flying = u.flying[1:]
	u.free = append(u.free, i)
	if u.progress != nil {
		u.progress(u.g.slots[i].n)
	}
}

// Close frees the ring.
func (g *Stager) Close() error {
	var errs []error
	for i := range g.slots {
		if e := g.slots[i].uploaded; e != nil {
			errs = append(errs, e.Close())
		}
	}
	g.slots = nil
	if g.memory != nil {
		errs = append(errs, g.memory.Close())
		g.memory = nil
	}
	return errors.Join(errs...)
}
