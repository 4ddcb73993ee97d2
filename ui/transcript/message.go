package transcript

import (
	"fmt"
	"time"

	"fyne.io/fyne/v2/lang"

	"burble/ui/look"
	"burble/ui/markdown"
)

// Role says whose message it is.
type Role uint8

// Roles of messages.
const (
	User Role = iota
	Assistant
)

// Status says how far an answer has come.
type Status uint8

// States of an answer.
const (
	Complete    Status = iota
	Waiting            // nothing has come yet
	Streaming          // text is coming
	Stopped            // the user stopped it
	Interrupted        // the program ended before it was complete
	Failed             // it ended with an error
)

// Message is what the transcript shows of one message.
type Message struct {
	ID         int64
	Role       Role
	Content    string
	Reasoning  string
	Status     Status
	Error      string        // why it failed, and what to do
	Waiting    string        // what is being waited for, while Waiting
	Thought    time.Duration // how long the reasoning took; 0 where that is not known
	Warning    string        // a sentence about an answer, such as messages that it did not see
	Cut        string        // why the answer is not complete although nothing failed
	Note       string        // figures and the like, below an answer
	Version    int           // of Versions, from 1 on
	Versions   int           // more than 1 where a message was edited, or an answer made again
	Files      *Files        // that go with it; nil: none. The same files are the same pointer
	NoContinue bool          // it can't be gone on with, but made again
	Last       bool          // the last of the conversation: it can be asked for again
}

func (m *Message) running() bool { return m.Status == Waiting || m.Status == Streaming }

// message is a message's widgets.
type message struct {
	view  *View
	data  Message
	made  bool
	cells []*cell

	doc     *markdown.Document
	blocks  []markdown.Block // as last shown
	parsed  time.Time        // when the text was last parsed
	took    time.Duration    // how long that took
	first   int              // index of the first block's cell
	count   int              // cells that show blocks
	think   *thinking
	bubble  *bubble
	own     *ownFooter // below a message of the user
	footer  *footer
	waiting *waiting
	failure *failure
}

// slowParse is how long parsing may take before a growing text is not parsed at every update.
const slowParse = 8 * time.Millisecond

func newMessage(v *View, m Message) *message { return &message{view: v, data: m} }

// set shows another state of the message. It reports whether a new layout is needed.
func (m *message) set(d Message) bool {
	if d == m.data {
		return false
	}
	old := m.data
	m.data = d
	if !m.made {
		return true
	}
	if d.Role != old.Role || d.Files != old.Files {
		m.made = false
		return true
	}
	m.update(old)
	return true
}

// estimate returns about how high the message is at a width, without making it.
func (m *message) estimate(width float32) float32 {
	perLine := max(width/(look.TextSize*0.5), 10)
	lines := float32(0)
	line := 0
	for _, c := range []byte(m.data.Content) {
		if c == '\n' {
			lines += max(float32(line)/perLine, 0.7)
			line = 0
			continue
		}
		line++
	}
	lines += float32(line)/perLine + 1
	return lines*look.TextSize*look.LineHeight + 40
}

// layout makes the message where it has not been made, and lays it out.
func (m *message) layout(width float32) float32 {
	if !m.made {
		m.make()
	}
	y := float32(0)
	for i, c := range m.cells {
		if i > 0 {
			y += c.gap
		}
		w := width
		if c.wanted != nil {
			w = c.wanted(width)
		}
		c.y, c.h = y, c.heightFor(w)
		y += c.h
	}
	return y
}

func (m *message) make() {
	m.made = true
	m.cells, m.blocks = nil, nil
	m.think, m.bubble, m.own, m.footer, m.waiting, m.failure = nil, nil, nil, nil, nil, nil
	m.first, m.count = 0, 0
	if m.data.Role == User {
		m.bubble = newBubble(m.view, m.data.Content)
		m.own = newOwnFooter(m.view, m)
		m.own.set(m.data)
		for _, o := range m.own.objects {
			if b, ok := o.(*look.Button); ok {
				own(m.view, b)
			}
		}
		m.cells = []*cell{{block: m.bubble, wanted: m.bubble.wanted}, {block: m.own, wanted: m.own.wanted, gap: 2}}
		if m.data.Files != nil {
			f := newFileCards(m.view, m)
			cards := &cell{block: f, wanted: f.wanted}
			if m.data.Content == "" {
				m.cells[0] = cards
			} else {
				m.cells[0].gap = 6
				m.cells = append([]*cell{cards}, m.cells...)
			}
		}
		return
	}
	m.doc = markdown.NewDocument(m.view.parser)
	m.update(Message{})
}

func (m *message) update(old Message) {
	if m.bubble != nil {
		m.bubble.set(m.data.Content)
		m.own.set(m.data)
		return
	}
	m.updateBlocks(old)

	// Cells around the blocks: reasoning above; what is waited for, an error and the footer below.
	blocks := m.cells[m.first : m.first+m.count]
	cells := make([]*cell, 0, len(blocks)+4)
	if m.data.Reasoning != "" {
		if m.think == nil {
			m.think = newThinking(m.view)
		}
		m.think.set(m.data)
		cells = append(cells, &cell{block: m.think})
	}
	m.first = len(cells)
	cells = append(cells, blocks...)
	if m.data.Status == Waiting || m.data.Status == Streaming && m.data.Content == "" && m.data.Reasoning == "" {
		if m.waiting == nil {
			m.waiting = newWaiting(m.view)
		}
		m.waiting.set(m.data.Waiting)
		cells = append(cells, &cell{block: m.waiting, gap: 8})
	}
	if text, action := m.problem(); text != "" {
		if m.failure == nil {
			m.failure = newFailure(m.view, m)
		}
		m.failure.set(text, action, m.data.Status == Failed)
		cells = append(cells, &cell{block: m.failure, gap: 12})
	}
	if !m.data.running() && (m.data.Content != "" || m.data.Status == Complete) {
		if m.footer == nil {
			m.footer = newFooter(m.view, m)
		}
		m.footer.set(m.data)
		cells = append(cells, &cell{block: m.footer, gap: 6})
	}
	m.cells = cells
}

// problem says what is wrong with an answer, and what can be done about it, if anything.
func (m *message) problem() (text string, a action) {
	if m.data.running() {
		return m.data.Warning, noAction
	}
	switch {
	case m.data.Status == Failed && m.data.Error == "":
		text, a = lang.L("The answer failed, and no reason was given."), retryAction
	case m.data.Status == Failed:
		text, a = m.data.Error, retryAction
	case m.data.Status == Interrupted && m.data.Error != "":
		text, a = m.data.Error, continueAction
	case m.data.Status == Interrupted:
		text, a = lang.L("Burble was closed before this answer was complete."), continueAction
	case m.data.Cut != "":
		text, a = m.data.Cut, continueAction
	default:
		return m.data.Warning, noAction
	}
	switch {
	case !m.data.Last:
		a = noAction
	case a == continueAction && m.data.NoContinue:
		a = retryAction
	}
	return text, a
}

// updateBlocks brings the cells of the answer's blocks in line with its text; cells of blocks that did not change stay.
func (m *message) updateBlocks(old Message) {
	finished := old.running() && !m.data.running()
	if m.data.Content == m.doc.Source() && !finished {
		return
	}
	// A text that is slow to parse, such as a model in a loop can make, must not take the window's time: while it
	// grows, it gets a quarter.
	if m.data.running() && m.took > m.view.slowParse && time.Since(m.parsed) < 3*m.took {
		return
	}
	start := time.Now()
	blocks, from := m.doc.Set(m.data.Content)
	m.parsed = time.Now()
	m.took = m.parsed.Sub(start)
	if !m.data.running() {
		var differs int
		blocks, differs = m.doc.Finish()
		from = min(from, differs)
	}
	b := builder{host: m.view, text: bodyLook()}
	shown := append([]*cell(nil), m.cells[m.first:m.first+m.count]...)
	shown = shown[:min(len(shown), len(blocks))]
	for i := min(from, len(shown)); i < len(blocks); i++ {
		block := &blocks[i]
		if i == len(shown) {
			shown = append(shown, &cell{block: b.build(block), gap: gapBetween(blocks, i)})
			continue
		}
		if block.Equal(&m.blocks[i]) {
			continue
		}
		if u, ok := shown[i].block.(updatable); ok && u.update(block) {
			continue
		}
		shown[i] = &cell{block: b.build(block), gap: gapBetween(blocks, i)}
	}
	m.blocks = append(m.blocks[:0], blocks...)
	m.cells = append(append(append([]*cell(nil), m.cells[:m.first]...), shown...), m.cells[m.first+m.count:]...)
	m.count = len(shown)
}

// gapBetween returns the room above a block: what follows a heading stands closer to it.
func gapBetween(blocks []markdown.Block, i int) float32 {
	g := gap(&blocks[i])
	if i > 0 && blocks[i-1].Kind == markdown.Heading {
		g = min(g, 8)
	}
	return g
}

// thoughtTitle is what the reasoning's line says.
func thoughtTitle(m Message) string {
	switch {
	case m.running() && m.Content == "":
		if m.Thought >= time.Second {
			return lang.L("Thinking… {{.Time}}", map[string]any{"Time": seconds(m.Thought)})
		}
		return lang.L("Thinking…")
	case m.Thought > 0:
		return lang.L("Thought for {{.Time}}", map[string]any{"Time": seconds(m.Thought)})
	}
	return lang.L("Reasoning")
}

func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return lang.L("a moment")
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
