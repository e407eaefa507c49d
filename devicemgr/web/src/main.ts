import { applyTheme } from "./base/theme";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/live.css";
import "./styles/lists.css";
import "./styles/alarms.css";
import "./styles/print.css";
import "./app";

applyTheme();
