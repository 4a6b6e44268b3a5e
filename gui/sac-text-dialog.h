/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Asks for a line of text. answered is called when it was given, never with an empty one. data is of parent or lives as long. */
void sac_text_dialog_ask(GtkWindow *parent, const char *heading, const char *body, const char *label, const char *text,
                         const char *accept, void (*answered)(const char *text, gpointer data), gpointer data);

G_END_DECLS
