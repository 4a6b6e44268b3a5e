/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-power.h"

struct _SacPower {
  GObject parent_instance;
  GDBusProxy *upower; /* NULL: not there, or not known yet */
  GCancellable *cancellable;
  gboolean is_on_battery;
};

enum { PROP_0, PROP_ON_BATTERY, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(SacPower, sac_power, G_TYPE_OBJECT)

static void
look(SacPower *power)
{
  g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(power->upower, "OnBattery");
  gboolean is_on_battery = value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) && g_variant_get_boolean(value);
  if (is_on_battery != power->is_on_battery) {
    power->is_on_battery = is_on_battery;
    g_object_notify_by_pspec(G_OBJECT(power), properties[PROP_ON_BATTERY]);
  }
}

static void
on_upower(GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr(SacPower) power = data;
  g_autoptr(GDBusProxy) upower = g_dbus_proxy_new_for_bus_finish(result, NULL);
  if (upower && !g_cancellable_is_cancelled(power->cancellable)) {
    power->upower = g_steal_pointer(&upower);
    g_signal_connect_object(power->upower, "g-properties-changed", G_CALLBACK(look), power, G_CONNECT_SWAPPED);
    look(power);
  }
}

gboolean
sac_power_is_on_battery(SacPower *power)
{
  return power->is_on_battery;
}

SacPower *
sac_power_new(void)
{
  return g_object_new(SAC_TYPE_POWER, NULL);
}

static void
sac_power_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean(value, SAC_POWER(object)->is_on_battery);
}

static void
sac_power_dispose(GObject *object)
{
  SacPower *power = SAC_POWER(object);
  g_cancellable_cancel(power->cancellable);
  g_clear_object(&power->cancellable);
  g_clear_object(&power->upower);
  G_OBJECT_CLASS(sac_power_parent_class)->dispose(object);
}

static void
sac_power_class_init(SacPowerClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  object_class->get_property = sac_power_get_property;
  object_class->dispose = sac_power_dispose;
  properties[PROP_ON_BATTERY] =
      g_param_spec_boolean("on-battery", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void
sac_power_init(SacPower *power)
{
  power->cancellable = g_cancellable_new();
  g_dbus_proxy_new_for_bus(G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START, NULL, "org.freedesktop.UPower",
                           "/org/freedesktop/UPower", "org.freedesktop.UPower", power->cancellable, on_upower,
                           g_object_ref(power));
}
