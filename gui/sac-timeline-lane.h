/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "gui/sac-timeline-private.h"

/*
 * What a keyboard and a screen reader find of one lane: a list named as the lane, whose items are moments. It draws nothing. A lane may hold
 * a hundred thousand moments; widgets are made for those around the one that has the focus, else for those in sight, a few dozen at most.
 */

G_BEGIN_DECLS

#define SAC_TYPE_TIMELINE_LANE (sac_timeline_lane_get_type())
G_DECLARE_FINAL_TYPE(SacTimelineLane, sac_timeline_lane, SAC, TIMELINE_LANE, GtkWidget)

GtkWidget *sac_timeline_lane_new(SacTimeline *timeline, SacTimelineRow row);
SacTimelineRow sac_timeline_lane_get_row(SacTimelineLane *lane);

/* The number of the moment that has the focus; -1. */
int sac_timeline_lane_get_focused(SacTimelineLane *lane);
void sac_timeline_lane_focus(SacTimelineLane *lane, int index);

/* The timeline's lane is another: the focus stays with its moment, or goes to the next one. */
void sac_timeline_lane_refresh(SacTimelineLane *lane);
/* Items for what is in sight now. */
void sac_timeline_lane_describe(SacTimelineLane *lane);
void sac_timeline_lane_update_selected(SacTimelineLane *lane);

G_END_DECLS
