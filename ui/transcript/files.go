package transcript

import (
	"fyne.io/fyne/v2"

	"burble/ui/look"
)

// File is a file that goes with a message.
type File struct {
	ID     int64
	Name   string
	Detail string // its kind and size
}

// Files are those of one message.
type Files []File

// fileCards are the files above a message of the user, each a line that opens its text.
type fileCards struct {
	container
	buttons []*look.Button
	wide    float32
}

const (
	cardHeight = 34
	cardGap    = 6
)

func newFileCards(v *View, m *message) *fileCards {
	f := &fileCards{}
	for _, file := range *m.data.Files {
		b := look.NewButton(look.IconFile, shortened(file.Name, 48)+"   "+file.Detail, look.Soft, func() {
			if v.OnOpenFile != nil {
				v.OnOpenFile(m.data.ID, file.ID)
			}
		})
		b.Height, b.TextSize, b.Leading = cardHeight, 13, true
		b.OnFocus = func() { v.reveal(b) }
		f.buttons = append(f.buttons, b)
		f.wide = max(f.wide, b.MinSize().Width)
		f.objects = append(f.objects, b)
	}
	f.ExtendBaseWidget(f)
	return f
}

// shortened cuts a name in its middle, so that its end with the extension stays.
func shortened(name string, most int) string {
	r := []rune(name)
	if len(r) <= most {
		return name
	}
	return string(r[:most*2/3]) + "…" + string(r[len(r)-most/3+1:])
}

func (f *fileCards) wanted(column float32) float32 { return min(f.wide, column) }

func (f *fileCards) heightFor(width float32) float32 {
	y := float32(0)
	for _, b := range f.buttons {
		b.Resize(fyne.NewSize(width, cardHeight))
		b.Move(fyne.NewPos(0, y))
		y += cardHeight + cardGap
	}
	f.width, f.height = width, y-cardGap
	return f.height
}
