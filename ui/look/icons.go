package look

import (
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
)

// Icons, drawn for Burble on a grid of 24 with strokes of 1.75. They take the colour of the theme.
var (
	IconSend     = icon("send", `<path d="M12 19V5M5.5 11.5L12 5l6.5 6.5"/>`)
	IconStop     = filled("stop", `<rect x="7" y="7" width="10" height="10" rx="2"/>`)
	IconNew      = icon("new", `<path d="M12 20h8M4 20l1-4L16.5 4.5a2.1 2.1 0 0 1 3 3L8 19z"/>`)
	IconSettings = icon("settings", `<path d="M4 7h9M19 7h1M4 17h1M11 17h9"/><circle cx="16" cy="7" r="2.5"/><circle cx="8" cy="17" r="2.5"/>`)
	IconMore     = filled("more", `<circle cx="5.5" cy="12" r="1.6"/><circle cx="12" cy="12" r="1.6"/><circle cx="18.5" cy="12" r="1.6"/>`)
	IconCopy     = icon("copy", `<path d="M9 9h11v11H9zM15 9V4H4v11h5"/>`)
	IconCheck    = icon("check", `<path d="M5 12.5l4.5 4.5L19 7.5"/>`)
	IconRetry    = icon("retry", `<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9M20 4v5h-5"/>`)
	IconDown     = icon("down", `<path d="M12 5v14M5.5 12.5L12 19l6.5-6.5"/>`)
	IconChevron  = icon("chevron", `<path d="M6 9.5l6 6 6-6"/>`)
	IconLeft     = icon("left", `<path d="M14.5 6l-6 6 6 6"/>`)
	IconRight    = icon("right", `<path d="M9.5 6l6 6-6 6"/>`)
	IconModel    = icon("model", `<path d="M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"/>`)
	IconServer   = icon("server", `<path d="M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.500h.5M7.500 16.500h.5"/>`)
	IconFolder   = icon("folder", `<path d="M3.5 6h6l2 2.5h9V19h-17z"/>`)
	IconWarning  = icon("warning", `<path d="M12 4L2.8 19.5h18.4zM12 10v4.5M12 16.8v.4"/>`)
	IconClose    = icon("close", `<path d="M6 6l12 12M18 6L6 18"/>`)
	IconSidebar  = icon("sidebar", `<path d="M4 5h16v14H4zM10 5v14"/>`)
	IconSelect   = icon("select", `<path d="M12 5v14M9 4.5c1.5 0 3 .3 3 1.5 0-1.2 1.500-1.500 3-1.500M9 19.500c1.500 0 3-.300 3-1.500 0 1.200 1.500 1.500 3 1.500"/>`)
	IconChip     = icon("chip", `<path d="M7 7h10v10H7zM10 3.5V7M14 3.500V7M10 17v3.500M14 17v3.500M3.500 10H7M3.500 14H7M17 10h3.500M17 14h3.500"/>`)
	IconShield   = icon("shield", `<path d="M12 3.500l7 2.500v5.500c0 4.500-3 7.500-7 9-4-1.500-7-4.500-7-9V6z"/>`)
	IconChat     = icon("chat", `<path d="M4 5h16v11H11l-4 3.500V16H4z"/>`)
	IconUndo     = icon("undo", `<path d="M8 5L4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11H9"/>`)
	IconPause    = icon("pause", `<path d="M9 6v12M15 6v12"/>`)
	IconPlay     = icon("play", `<path d="M8 5.5l10 6.5-10 6.5z"/>`)
	IconDownload = icon("download", `<path d="M12 4v11M7 10.5l5 5 5-5M4.5 19.500h15"/>`)
	IconAttach   = icon("attach", `<path d="M19.500 11.500l-7.600 7.600a4.600 4.600 0 0 1-6.500-6.500l8-8a3.100 3.100 0 0 1 4.400 4.400l-7.900 7.900a1.600 1.600 0 0 1-2.200-2.200l7.200-7.200"/>`)
	IconFile     = icon("file", `<path d="M6 3.500h8l4.500 4.500v12.500H6zM14 3.500V8h4.500M9 12.500h6.500M9 16h6.500"/>`)
	IconPanel    = icon("panel", `<path d="M4 5h16v14H4zM14.500 5v14"/>`)
	IconTaskOpen = icon("task-open", `<rect x="3" y="3" width="18" height="18" rx="4"/>`)
	IconTaskDone = icon("task-done", `<rect x="3" y="3" width="18" height="18" rx="4"/><path d="M7.5 12.5l3 3 6-6.500"/>`)
)

// Icon is a drawing that can be had in any colour.
type Icon struct{ name, head, body string }

// In returns the icon in a colour of the theme, which it follows.
func (i Icon) In(color fyne.ThemeColorName) fyne.Resource { return tinted{i, color} }

// tinted is an icon in the current theme's colour. Its name changes with the colour, because Fyne keeps drawings of
// SVG files by their names; Fyne's own themed resources recolour fills only, and these icons are strokes.
type tinted struct {
	icon  Icon
	color fyne.ThemeColorName
}

func (t tinted) hex() string {
	c := color.NRGBAModel.Convert(Color(t.color)).(color.NRGBA)
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
}

// Name returns a name for the icon in its colour.
func (t tinted) Name() string { return "burble-" + t.icon.name + t.hex() + ".svg" }

// Content returns the SVG file.
func (t tinted) Content() []byte {
	return []byte(strings.ReplaceAll(t.icon.head, "currentColor", t.hex()) + t.icon.body + `</g></svg>`)
}

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">`

func icon(name, body string) Icon {
	return Icon{name, svgHead + `<g fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">`, body}
}

func filled(name, body string) Icon {
	return Icon{name, svgHead + `<g fill="currentColor">`, body}
}
