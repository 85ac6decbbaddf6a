/* Learns from a video and keeps what was learned: tttseg in an application.
 *
 *     cc embed.c -o embed $(pkg-config --cflags --libs gstreamer-1.0)
 *     ./embed learned.safetensors film.mp4
 *
 * Without a film there is a test picture. A third argument names a model file.
 */

#include <gst/gst.h>
#include <stdlib.h>

/* One line for a message of the element. */
static void print_report(const GstStructure *report)
{
    guint64 frame = 0;
    gdouble loss;

    /* Other elements post messages as well. */
    if (!report || !gst_structure_has_name(report, "tttseg"))
        return;
    gst_structure_get_uint64(report, "frame", &frame);
    g_print("frame %" G_GUINT64_FORMAT ": loss ", frame);
    if (gst_structure_get_double(report, "loss", &loss))
        g_print("%.4f", loss);
    else
        g_print("none");
    g_print(", %s\n", gst_structure_get_string(report, "rung"));
}

/* Prints a line per frame until the video ends; FALSE after an error. */
static gboolean watch(GstBus *bus)
{
    const GstMessageType kinds = GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING | GST_MESSAGE_ERROR | GST_MESSAGE_EOS;

    for (;;) {
        g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, kinds);
        g_autoptr(GError) error = NULL;
        g_autofree gchar *debug = NULL;

        switch (GST_MESSAGE_TYPE(message)) {
        case GST_MESSAGE_EOS:
            return TRUE;
        case GST_MESSAGE_ERROR:
            gst_message_parse_error(message, &error, &debug);
            g_printerr("embed: %s (%s)\n", error->message, debug);
            return FALSE;
        case GST_MESSAGE_WARNING:
            gst_message_parse_warning(message, &error, &debug);
            g_printerr("embed: %s\n", error->message);
            break;
        default:
            print_report(gst_message_get_structure(message));
        }
    }
}

/* Statistics and the state, at the end. */
static gboolean finish(GstElement *tttseg, const gchar *path)
{
    g_autoptr(GstStructure) stats = NULL;
    guint64 learned = 0, frames = 0;
    gboolean saved = FALSE;

    g_object_get(tttseg, "stats", &stats, NULL);
    gst_structure_get(stats, "frames-learned", G_TYPE_UINT64, &learned, "frames", G_TYPE_UINT64, &frames, NULL);
    g_print("learned from %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " frames\n", learned, frames);
    g_signal_emit_by_name(tttseg, "save-state", path, &saved);
    if (!saved)
        g_printerr("embed: %s could not be written\n", path);
    return saved;
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc < 2 || argc > 4) {
        g_printerr("usage: embed STATE [FILM [MODEL]]\n");
        return EXIT_FAILURE;
    }

    GstElement *source = gst_element_factory_make(argc > 2 ? "filesrc" : "videotestsrc", NULL);
    GstElement *tttseg = gst_element_factory_make("tttseg", NULL);
    GstElement *sink = gst_element_factory_make("fakesink", NULL);
    if (!source || !tttseg || !sink) {
        g_printerr("embed: there is no element %s; GST_PLUGIN_PATH names folders of plugins\n",
                   !source ? "filesrc or videotestsrc" : !tttseg ? "tttseg" : "fakesink");
        return EXIT_FAILURE;
    }
    if (argc > 2)
        g_object_set(source, "location", argv[2], NULL);
    else
        g_object_set(source, "num-buffers", 20, NULL);
    if (argc > 3)
        g_object_set(tttseg, "model-file", argv[3], NULL);

    g_autoptr(GstElement) pipeline = gst_pipeline_new(NULL);
    gst_bin_add_many(GST_BIN(pipeline), source, tttseg, sink, NULL);
    if (!gst_element_link_many(source, tttseg, sink, NULL)) {
        g_printerr("embed: the elements do not fit together\n");
        return EXIT_FAILURE;
    }

    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    /* Why it fails is on the bus. */
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    /* Below READY there is nothing left to save. */
    gboolean done = watch(bus) && finish(tttseg, argv[1]);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
