package look

// Icons of the list of chats.
var (
	IconPin       = icon("pin", `<path d="M9 4h6l-1 6 3.500 3.500h-11L10 10zM12 13.500V20"/>`)
	IconArchive   = icon("archive", `<path d="M4 5h16v4H4zM5.500 9v10h13V9M10 13h4"/>`)
	IconBin       = icon("bin", `<path d="M4.500 7h15M9.500 7V4.500h5V7M6.500 7l1 12.500h9l1-12.500M10.500 11v5M13.500 11v5"/>`)
	IconExport    = icon("export", `<path d="M12 15.500V4M7 8.500l5-5 5 5M4.500 19.500h15"/>`)
	IconTemporary = icon("temporary", `<path d="M4 5h3M10.500 5h3M17 5h3v2.500M20 11v2.500M20 16h-3M13.500 16H11l-1.500 1.500M7.500 19.500L7 16H4v-2.500M4 11V8"/>`)
)
