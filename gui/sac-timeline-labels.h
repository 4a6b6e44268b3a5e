/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

/*
 * Words as render nodes, laid out once and drawn again wherever they move to: shaping text is most of what a frame would cost.
 * How much of it one frame does is bounded by a time: what does not get its turn comes with the next. Main thread.
 */

G_BEGIN_DECLS

typedef struct _SacLabels SacLabels;

/* widget: for the font, which is share of the widget's own size. */
SacLabels *sac_labels_new(GtkWidget *widget, double share);
void sac_labels_free(SacLabels *labels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacLabels, sac_labels_free)

/* The font or the colours are others now. */
void sac_labels_forget(SacLabels *labels);
/* Of a line, in pixels. */
int sac_labels_height(SacLabels *labels);
/* Of so many digits and signs of a time, at most. */
double sac_labels_digits_width(SacLabels *labels, guint n);

/* Begins a frame, of which laying out may take budget_us. */
void sac_labels_begin(SacLabels *labels, gint64 budget_us);
/* TRUE if something had to be left for the next frame. */
gboolean sac_labels_end(SacLabels *labels);

/* Draws the words with their top left there, ellipsized to room pixels. must: whatever it costs. Gives their width; 0: left for later. */
double sac_labels_draw(SacLabels *labels, GtkSnapshot *snapshot, const char *words, const GdkRGBA *colour, float x,
                       float y, double room, gboolean must);

G_END_DECLS
