/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/* A boxed value as an object, so that a list model can hold it. Immutable. */

G_BEGIN_DECLS

#define SAC_TYPE_ITEM (sac_item_get_type())
G_DECLARE_FINAL_TYPE(SacItem, sac_item, SAC, ITEM, GObject)

/* (transfer full) value. */
SacItem *sac_item_new(gpointer value, GDestroyNotify free_value);
gpointer sac_item_get(SacItem *item);

G_END_DECLS
