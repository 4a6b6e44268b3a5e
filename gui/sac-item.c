/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-item.h"

struct _SacItem {
  GObject parent_instance;
  gpointer value;
  GDestroyNotify free_value;
};

G_DEFINE_FINAL_TYPE(SacItem, sac_item, G_TYPE_OBJECT)

static void
sac_item_finalize(GObject *object)
{
  SacItem *item = SAC_ITEM(object);
  if (item->free_value) {
    item->free_value(item->value);
  }
  G_OBJECT_CLASS(sac_item_parent_class)->finalize(object);
}

static void
sac_item_class_init(SacItemClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_item_finalize;
}

static void
sac_item_init(SacItem *item)
{
}

SacItem *
sac_item_new(gpointer value, GDestroyNotify free_value)
{
  SacItem *item = g_object_new(SAC_TYPE_ITEM, NULL);
  item->value = value;
  item->free_value = free_value;
  return item;
}

gpointer
sac_item_get(SacItem *item)
{
  return item->value;
}
