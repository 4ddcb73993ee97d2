package look

import (
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
)

func TestTimers(t *testing.T) {
	test.NewTempApp(t)
	ts := NewTimers()
	fired := make(chan string, 3)
	ts.After(time.Millisecond, func() { fired <- "clock" })
	select {
	case <-fired:
	case <-time.After(10 * time.Second):
		t.Fatal("the clock called nothing")
	}

	ts.After(time.Hour, func() { t.Error("called after Close") })
	ts.Close()
	ts.Fire()

	ts.Hold()
	stopped := ts.After(time.Nanosecond, func() { t.Error("a stopped timer called") })
	ts.After(time.Nanosecond, func() { fired <- "held" })
	var none *Timer
	none.Stop()
	stopped.Stop()
	stopped.Stop()
	if len(fired) != 0 {
		t.Error("a held timer did not wait for Fire")
	}
	ts.Fire()
	ts.Fire()
	if len(fired) != 1 {
		t.Errorf("%d calls, want 1", len(fired))
	}
}
