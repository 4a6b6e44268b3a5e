/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-job-row.h"

#include <glib/gi18n.h>

struct _SacJobRow {
  GtkBox parent_instance;
  GtkLabel *title, *detail;
  GtkProgressBar *bar;
  GtkButton *up, *down, *pause, *cancel;
  SacJob *job;
};

G_DEFINE_FINAL_TYPE(SacJobRow, sac_job_row, GTK_TYPE_BOX)

static void
show(SacJobRow *row)
{
  SacJobState state = sac_job_get_state(row->job);
  gboolean is_paused = state == SAC_JOB_PAUSED, is_ended = sac_job_is_ended(row->job);
  gtk_label_set_text(row->title, sac_job_get_title(row->job));
  gtk_label_set_text(row->detail, sac_job_get_detail(row->job));
  gtk_progress_bar_set_fraction(row->bar, sac_job_get_fraction(row->job));
  gboolean is_waiting = state == SAC_JOB_WAITING;
  gtk_widget_set_visible(GTK_WIDGET(row->bar), !is_ended && !is_waiting);
  gtk_widget_set_visible(GTK_WIDGET(row->up), is_waiting);
  gtk_widget_set_visible(GTK_WIDGET(row->down), is_waiting);
  gtk_widget_set_visible(GTK_WIDGET(row->pause), sac_job_can_pause(row->job));
  gtk_widget_set_visible(GTK_WIDGET(row->cancel), !is_ended);
  gtk_button_set_icon_name(row->pause, is_paused ? "media-playback-start-symbolic" : "media-playback-pause-symbolic");
  gtk_widget_set_tooltip_text(GTK_WIDGET(row->pause), is_paused ? _("Go on") : _("Pause"));
  if (state == SAC_JOB_FAILED) {
    gtk_widget_add_css_class(GTK_WIDGET(row->detail), "error");
    gtk_widget_remove_css_class(GTK_WIDGET(row->detail), "dim-label");
  }
}

static void
on_pause(SacJobRow *row)
{
  if (sac_job_get_state(row->job) == SAC_JOB_PAUSED) {
    sac_job_resume(row->job);
  } else {
    sac_job_pause(row->job);
  }
}

static void
on_up(SacJobRow *row)
{
  sac_job_move(row->job, -1);
}

static void
on_down(SacJobRow *row)
{
  sac_job_move(row->job, 1);
}

static void
on_cancel(SacJobRow *row)
{
  sac_job_cancel(row->job);
}

GtkWidget *
sac_job_row_new(SacJob *job)
{
  SacJobRow *row = g_object_new(SAC_TYPE_JOB_ROW, NULL);
  row->job = g_object_ref(job);
  g_signal_connect_object(job, "changed", G_CALLBACK(show), row, G_CONNECT_SWAPPED);
  show(row);
  return GTK_WIDGET(row);
}

static void
sac_job_row_dispose(GObject *object)
{
  g_clear_object(&SAC_JOB_ROW(object)->job);
  G_OBJECT_CLASS(sac_job_row_parent_class)->dispose(object);
}

static void
sac_job_row_class_init(SacJobRowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_job_row_dispose;
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-job-row.ui");
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, title);
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, detail);
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, bar);
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, pause);
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, up);
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, down);
  gtk_widget_class_bind_template_child(widget_class, SacJobRow, cancel);
  gtk_widget_class_bind_template_callback(widget_class, on_pause);
  gtk_widget_class_bind_template_callback(widget_class, on_up);
  gtk_widget_class_bind_template_callback(widget_class, on_down);
  gtk_widget_class_bind_template_callback(widget_class, on_cancel);
}

static void
sac_job_row_init(SacJobRow *row)
{
  gtk_widget_init_template(GTK_WIDGET(row));
}
