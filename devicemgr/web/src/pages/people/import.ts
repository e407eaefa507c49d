// Files of people: the element `desk-people-import` of the address `#/people/import`.
import "./face/face.css";
import "./import/import.css";
import "./import/importing";
