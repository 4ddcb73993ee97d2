package hub

import (
	"math"
	"time"
)

// meter measures a speed, smoothed over some seconds.
type meter struct {
	at    time.Time // of the last measurement; zero: none yet
	done  int64
	speed float64 // bytes a second; negative: not known yet
}

const (
	// memory is the time in which a measurement loses about two thirds of its weight.
	memory = 6 * time.Second
	// measure is the shortest time that is measured.
	measure = 400 * time.Millisecond
)

// start begins anew: the next bytes are counted from done on.
func (m *meter) start(now time.Time, done int64) { *m = meter{now, done, -1} }

// update measures, where enough time has passed since the last measurement.
func (m *meter) update(now time.Time, done int64) {
	if m.speed < 0 && done == m.done {
		m.at = now // nothing has come yet: waiting for the first byte is no speed
	}
	dt := now.Sub(m.at)
	if m.at.IsZero() || dt < measure {
		return
	}
	speed := float64(max(0, done-m.done)) / dt.Seconds()
	if m.speed >= 0 {
		speed = m.speed + (speed-m.speed)*(1-math.Exp(-dt.Seconds()/memory.Seconds()))
	}
	*m = meter{now, done, speed}
}

// left is how long the remaining bytes take; negative: not known.
func (m *meter) left(remaining int64) time.Duration {
	const longest = 100 * 24 * time.Hour
	if m.speed < 1 || float64(remaining)/m.speed > longest.Seconds() {
		return -1
	}
	return time.Duration(float64(remaining) / m.speed * float64(time.Second))
}
