# Installs this tree: make install PREFIX=/usr/local, and make uninstall to take it away. DESTDIR stages it elsewhere.
PREFIX ?= /usr/local
TARGET  = $(DESTDIR)$(PREFIX)
FILES   = $(shell find bin share -type f)

.PHONY: install uninstall caches
install:
	@for f in $(FILES); do \
		mode=644; [ -x "$$f" ] && mode=755; \
		install -D -m $$mode "$$f" "$(TARGET)/$$f" || exit 1; \
	done
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) caches
	@echo "Burble is installed in $(TARGET)."

uninstall:
	@for f in $(FILES); do rm -f "$(TARGET)/$$f"; done
	@rmdir "$(TARGET)/share/doc/burble" 2>/dev/null || true
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) caches
	@echo "Burble is gone from $(TARGET). Conversations and models are kept in your home folder."

# The desktop finds icons, file types and the menu entry through caches, where there are any.
caches:
	@[ -z "$(DESTDIR)" ] || exit 0; \
	update-desktop-database -q "$(PREFIX)/share/applications" 2>/dev/null || true; \
	update-mime-database "$(PREFIX)/share/mime" 2>/dev/null || true; \
	gtk-update-icon-cache -q -t "$(PREFIX)/share/icons/hicolor" 2>/dev/null || true
