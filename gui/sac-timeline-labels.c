/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-timeline-labels.h"

/* A node takes about a kilobyte. */
#define MAX_KEPT 4000
/* What is cut is laid out anew for its room; rooms are of this step, so that zooming does not make one for every pixel. */
#define ROOM_STEP 16
#define LONGEST 600

typedef struct {
  GskRenderNode *node; /* NULL: nothing is to be seen of it */
  double width;
} Label;

struct _SacLabels {
  GtkWidget *widget;
  double share;
  PangoLayout *layout;
  GHashTable *kept; /* key → Label */
  int height;
  double digit_width;
  gint64 deadline;
  gboolean is_short_of_time;
};

static void
label_free(gpointer data)
{
  Label *label = data;
  g_clear_pointer(&label->node, gsk_render_node_unref);
  g_free(label);
}

static void
make_layout(SacLabels *labels)
{
  labels->layout = gtk_widget_create_pango_layout(labels->widget, NULL);
  PangoContext *context = pango_layout_get_context(labels->layout);
  PangoFontDescription *font = pango_font_description_copy(pango_context_get_font_description(context));
  int size = (int)(pango_font_description_get_size(font) * labels->share);
  if (pango_font_description_get_size_is_absolute(font)) {
    pango_font_description_set_absolute_size(font, size);
  } else {
    pango_font_description_set_size(font, size);
  }
  pango_layout_set_font_description(labels->layout, font);
  pango_font_description_free(font);
  pango_layout_set_ellipsize(labels->layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_single_paragraph_mode(labels->layout, TRUE);
  /* The words may be of any language; where they stand is a matter of time, which goes from left to right. */
  pango_layout_set_auto_dir(labels->layout, TRUE);

  int width;
  pango_layout_set_text(labels->layout, "00000000", -1);
  pango_layout_get_pixel_size(labels->layout, &width, NULL);
  labels->digit_width = width / 8.0;
  pango_layout_set_text(labels->layout, "Ágj", -1);
  pango_layout_get_pixel_size(labels->layout, NULL, &labels->height);
}

void
sac_labels_forget(SacLabels *labels)
{
  g_clear_object(&labels->layout);
  g_hash_table_remove_all(labels->kept);
}

SacLabels *
sac_labels_new(GtkWidget *widget, double share)
{
  SacLabels *labels = g_new0(SacLabels, 1);
  labels->widget = widget;
  labels->share = share;
  labels->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, label_free);
  return labels;
}

void
sac_labels_free(SacLabels *labels)
{
  if (labels) {
    g_clear_object(&labels->layout);
    g_hash_table_unref(labels->kept);
    g_free(labels);
  }
}

int
sac_labels_height(SacLabels *labels)
{
  if (!labels->layout) {
    make_layout(labels);
  }
  return labels->height;
}

double
sac_labels_digits_width(SacLabels *labels, guint n)
{
  sac_labels_height(labels);
  return labels->digit_width * n;
}

void
sac_labels_begin(SacLabels *labels, gint64 budget_us)
{
  sac_labels_height(labels);
  labels->deadline = g_get_monotonic_time() + budget_us;
  labels->is_short_of_time = FALSE;
  if (g_hash_table_size(labels->kept) > MAX_KEPT) {
    g_hash_table_remove_all(labels->kept);
  }
}

gboolean
sac_labels_end(SacLabels *labels)
{
  return labels->is_short_of_time;
}

static char *
key_of(const char *words, const GdkRGBA *colour, int room)
{
  guint rgba = (guint)(colour->red * 255) << 24 | (guint)(colour->green * 255) << 16 |
               (guint)(colour->blue * 255) << 8 | (guint)(colour->alpha * 255);
  return g_strdup_printf("%x %d %s", rgba, room, words);
}

static Label *
make_label(SacLabels *labels, const char *words, const GdkRGBA *colour, int room)
{
  /* Of a long speech only the beginning can be seen. */
  g_autofree char *head = g_utf8_strlen(words, 200) >= 200 ? g_utf8_substring(words, 0, 199) : g_strdup(words);
  Label *label = g_new0(Label, 1);
  int width;
  pango_layout_set_text(labels->layout, head, -1);
  pango_layout_set_width(labels->layout, room * PANGO_SCALE);
  pango_layout_get_pixel_size(labels->layout, &width, NULL);
  label->width = width;
  GtkSnapshot *snapshot = gtk_snapshot_new();
  gtk_snapshot_append_layout(snapshot, labels->layout, colour);
  label->node = gtk_snapshot_free_to_node(snapshot);
  return label;
}

/* NULL: there is no time for it. */
static Label *
get_label(SacLabels *labels, const char *words, const GdkRGBA *colour, int room, gboolean must)
{
  g_autofree char *key = key_of(words, colour, room);
  Label *label = g_hash_table_lookup(labels->kept, key);
  if (!label) {
    if (!must && g_get_monotonic_time() > labels->deadline) {
      labels->is_short_of_time = TRUE;
      return NULL;
    }
    label = make_label(labels, words, colour, room);
    g_hash_table_insert(labels->kept, g_steal_pointer(&key), label);
  }
  return label;
}

double
sac_labels_draw(SacLabels *labels, GtkSnapshot *snapshot, const char *words, const GdkRGBA *colour, float x, float y,
                double room, gboolean must)
{
  Label *label = get_label(labels, words, colour, LONGEST, must);
  if (label && label->width > room) {
    int step = (int)room / ROOM_STEP * ROOM_STEP;
    label = step > 0 ? get_label(labels, words, colour, step, must) : NULL;
  }
  if (!label) {
    return 0;
  }
  if (label->node) {
    gtk_snapshot_save(snapshot);
    gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT(x, y));
    gtk_snapshot_append_node(snapshot, label->node);
    gtk_snapshot_restore(snapshot);
  }
  return label->width;
}
